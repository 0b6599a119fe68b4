"""Where partitions begin and end, asked of the brokers that lead them. Raises KafkaException. Blocks."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import NamedTuple, TypeVar

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from ordertrail_server.log.kafka.errors import TRANSIENT

T = TypeVar("T")

AGAIN_SECONDS = 0.1
# A leader that died or froze is asked until the time given is over; meanwhile another one leads, and is to be found.
REQUEST_SECONDS = 2.0
METADATA_SECONDS = 1.0
# After these the same question may be answered, by another leader too.
_RETRIABLE = TRANSIENT | {KafkaError._TIMED_OUT}
# So many answers in a row make sure that a partition's records were all removed.
MAX_ATTEMPTS = 5


class EndOffset(NamedTuple):
    """Where a partition ends, and the epoch of the leader who says so: each leader's is higher than the last one's."""

    offset: int
    epoch: int


def query_end_offset(consumer: Consumer, topic: str, partition: int, patience_s: float) -> EndOffset:
    """Return a partition's end, as its leader says now."""

    def query(seconds: float) -> EndOffset:
        # Of the two ways to ask, this is the one by a single request; the end goes by the name of a time.
        [answer] = consumer.offsets_for_times([TopicPartition(topic, partition, OFFSET_END)], seconds)
        if answer.error is not None:
            raise KafkaException(answer.error)
        return EndOffset(int(answer.offset), -1 if answer.leader_epoch is None else answer.leader_epoch)

    return _query_with_retries(consumer, topic, partition, patience_s, query)


def query_watermarks(consumer: Consumer, topic: str, partition: int, patience_s: float) -> tuple[int, int]:
    """Return a partition's first offset and its end, as its leader says now."""

    def query(seconds: float) -> tuple[int, int]:
        return consumer.get_watermark_offsets(TopicPartition(topic, partition), seconds)

    # librdkafka asks for the two by two requests. Where only the one for the end is answered, as by a broker that was
    # frozen, it gives the end for both; nothing else tells that from a partition whose records were all removed.
    for _ in range(MAX_ATTEMPTS):
        first, end = _query_with_retries(consumer, topic, partition, patience_s, query)
        if first == 0 or first < end:
            break
        sleep(AGAIN_SECONDS)
    return first, end


def _query_with_retries(
    consumer: Consumer, topic: str, partition: int, patience_s: float, query: Callable[[float], T]
) -> T:
    deadline = monotonic() + patience_s
    while True:
        try:
            return query(min(max(deadline - monotonic(), 0.0), REQUEST_SECONDS))
        except KafkaException as error:
            exists = _refresh_metadata(consumer, topic, partition, max(deadline - monotonic(), 0.0))
            if monotonic() > deadline or not (exists or error.args[0].code() in _RETRIABLE):
                raise
            sleep(AGAIN_SECONDS)


def _refresh_metadata(consumer: Consumer, topic: str, partition: int, patience_s: float) -> bool:
    """Have a consumer that is never assigned learn anew who leads, which it does not by itself after a broker's fault.

    Returns whether the cluster has the partition.
    """
    try:
        metadata = consumer.list_topics(topic, timeout=min(patience_s, METADATA_SECONDS)).topics[topic]
    except KafkaException:
        return False
    return metadata.error is None and partition in metadata.partitions
