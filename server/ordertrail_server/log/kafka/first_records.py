"""The first records of a topic's partitions, which tell whether the topic has as many partitions as it had."""

from time import monotonic
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ordertrail_server.log.kafka.cursor import key_text

POLL_SECONDS = 0.1
# Of so many records of a partition one at least, almost surely, would lie elsewhere if there had been fewer of them.
HEAD = 20


def heads(consumer: Consumer, topic: str, partitions: int, patience_s: float) -> tuple[tuple[int, str], ...]:
    """Return (partition, order id) of each of the first records that are orders' by their key and their headers.

    Raises KafkaException. Blocks.
    """
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    remaining = dict.fromkeys(range(partitions), HEAD)
    records: list[tuple[int, str]] = []
    give_up = monotonic() + patience_s
    while any(remaining.values()):
        if monotonic() > give_up:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        for message in _next(consumer):
            partition = cast("int", message.partition())
            if message.error() is not None:  # its end, or damage, which whoever reads on there will say
                remaining[partition] = 0
            elif remaining[partition]:
                remaining[partition] -= 1
                order_id = key_text(message.key())
                if order_id and ("ce_subject", message.key()) in (message.headers() or ()):
                    records.append((partition, order_id))
    return tuple(records)


def _next(consumer: Consumer) -> list[Message]:
    first = consumer.poll(POLL_SECONDS)
    return [] if first is None else [first, *consumer.consume(HEAD, 0)]
