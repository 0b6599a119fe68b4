"""The first records of a topic's partitions, which reveal whether partitions were added."""

from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.cursor import decode_key

POLL_SECONDS = 0.1
# If partitions were added, at least one of this many first records is almost surely in the wrong partition.
RECORDS_PER_PARTITION = 20


def read_first_records(
    consumer: Consumer, topic: str, partitions: int, timeout_s: float
) -> tuple[tuple[int, str], ...]:
    """Return (partition, order id) of each first record whose key and headers are those of an order.

    Raises KafkaException. Blocks.
    """
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    remaining = dict.fromkeys(range(partitions), RECORDS_PER_PARTITION)
    records: list[tuple[int, str]] = []
    deadline = Deadline(timeout_s)
    while any(remaining.values()):
        if deadline.has_passed():
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        for message in _poll_messages(consumer):
            partition = cast("int", message.partition())
            if message.error() is not None:  # the partition's end, or damage that a later read reports
                remaining[partition] = 0
            elif remaining[partition]:
                remaining[partition] -= 1
                order_id = decode_key(message.key())
                if order_id and ("ce_subject", message.key()) in (message.headers() or ()):
                    records.append((partition, order_id))
    return tuple(records)


def _poll_messages(consumer: Consumer) -> list[Message]:
    first = consumer.poll(POLL_SECONDS)
    return [] if first is None else [first, *consumer.consume(RECORDS_PER_PARTITION, 0)]
