"""Where partitions begin and end, asked of the brokers that lead them. Raises KafkaException. Blocks."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import NamedTuple, TypeVar

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from ordertrail_server.log.kafka.errors import PASSING

T = TypeVar("T")

AGAIN_SECONDS = 0.1
# A leader that died or froze is asked until the time given is over; meanwhile another one leads, and is to be found.
ASK_SECONDS = 2.0
LOOK_SECONDS = 1.0
# After these the same question may be answered, by another leader too.
_ASKED_AGAIN = PASSING | {KafkaError._TIMED_OUT}
# So many answers in a row make sure that a partition's records were all removed.
ANSWERS_ALIKE = 5


class End(NamedTuple):
    """Where a partition ends, and the epoch of the leader who says so: each leader's is higher than the last one's."""

    offset: int
    epoch: int


def query_end_offset(consumer: Consumer, topic: str, partition: int, patience_s: float) -> End:
    """Return a partition's end, as its leader says now."""

    def ask(seconds: float) -> End:
        # Of the two ways to ask, this is the one by a single request; the end goes by the name of a time.
        [answer] = consumer.offsets_for_times([TopicPartition(topic, partition, OFFSET_END)], seconds)
        if answer.error is not None:
            raise KafkaException(answer.error)
        return End(int(answer.offset), -1 if answer.leader_epoch is None else answer.leader_epoch)

    return _answered(consumer, topic, partition, patience_s, ask)


def query_watermarks(consumer: Consumer, topic: str, partition: int, patience_s: float) -> tuple[int, int]:
    """Return a partition's first offset and its end, as its leader says now."""

    def ask(seconds: float) -> tuple[int, int]:
        return consumer.get_watermark_offsets(TopicPartition(topic, partition), seconds)

    # librdkafka asks for the two by two requests. Where only the one for the end is answered, as by a broker that was
    # frozen, it gives the end for both; nothing else tells that from a partition whose records were all removed.
    for _ in range(ANSWERS_ALIKE):
        first, end = _answered(consumer, topic, partition, patience_s, ask)
        if first == 0 or first < end:
            break
        sleep(AGAIN_SECONDS)
    return first, end


def _answered(consumer: Consumer, topic: str, partition: int, patience_s: float, ask: Callable[[float], T]) -> T:
    give_up = monotonic() + patience_s
    while True:
        try:
            return ask(min(max(give_up - monotonic(), 0.0), ASK_SECONDS))
        except KafkaException as error:
            there = _look_again(consumer, topic, partition, max(give_up - monotonic(), 0.0))
            if monotonic() > give_up or not (there or error.args[0].code() in _ASKED_AGAIN):
                raise
            sleep(AGAIN_SECONDS)


def _look_again(consumer: Consumer, topic: str, partition: int, patience_s: float) -> bool:
    """Have a consumer that is never assigned learn anew who leads, which it does not by itself after a broker's fault.

    Returns whether the cluster has the partition.
    """
    try:
        metadata = consumer.list_topics(topic, timeout=min(patience_s, LOOK_SECONDS)).topics[topic]
    except KafkaException:
        return False
    return metadata.error is None and partition in metadata.partitions
