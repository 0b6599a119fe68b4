"""Queries of the first and end offsets of partitions to their leaders. All of them block.

Those with a consumer retry, and raise KafkaException; those with an admin client query all partitions at once.
"""

from collections.abc import Callable
from time import sleep
from typing import NamedTuple, TypeVar

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # the package marks no exports

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.errors import TRANSIENT, errors_as_unavailable

T = TypeVar("T")

RETRY_SECONDS = 0.1
# Each request gets a part of the time, so that a dead or frozen leader leaves time to query a new leader.
REQUEST_SECONDS = 2.0
METADATA_SECONDS = 1.0
# After these errors a retry may get an answer, also from another leader.
_RETRIABLE = TRANSIENT | {KafkaError._TIMED_OUT}
# The number of equal answers in a row after which all records of a partition count as removed.
MAX_ATTEMPTS = 5


class EndOffset(NamedTuple):
    """A partition's end, and the epoch of the leader that reported it. A new leader has a higher epoch."""

    offset: int
    epoch: int


def query_end_offset(consumer: Consumer, topic: str, partition: int, timeout_s: float) -> EndOffset:
    """Return a partition's end, as its leader reports it now."""

    def query(seconds: float) -> EndOffset:
        # Of the two queries for the end, this one takes a single request; OFFSET_END is passed in place of a time.
        [answer] = consumer.offsets_for_times([TopicPartition(topic, partition, OFFSET_END)], seconds)
        if answer.error is not None:
            raise KafkaException(answer.error)
        return EndOffset(int(answer.offset), -1 if answer.leader_epoch is None else answer.leader_epoch)

    return _query_with_retries(consumer, topic, partition, timeout_s, query)


def query_watermarks(consumer: Consumer, topic: str, partition: int, timeout_s: float) -> tuple[int, int]:
    """Return a partition's low and high watermark: its first offset and its end, as its leader reports them now."""

    def query(seconds: float) -> tuple[int, int]:
        return consumer.get_watermark_offsets(TopicPartition(topic, partition), seconds)

    # librdkafka sends two requests. If only the one for the end is answered, as by a broker that was frozen, it
    # returns the end for both. A partition whose records were all removed looks the same.
    for _ in range(MAX_ATTEMPTS):
        first, end = _query_with_retries(consumer, topic, partition, timeout_s, query)
        if first == 0 or first < end:
            break
        sleep(RETRY_SECONDS)
    return first, end


def _query_with_retries(
    consumer: Consumer, topic: str, partition: int, timeout_s: float, query: Callable[[float], T]
) -> T:
    deadline = Deadline(timeout_s)
    while True:
        try:
            return query(min(deadline.remaining(), REQUEST_SECONDS))
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
        # A request for metadata that fails while an exception is handled keeps that, and so the consumer, for ever.
        exists = _refresh_metadata(consumer, topic, partition, deadline.remaining())
        if deadline.has_passed() or not (exists or error.code() in _RETRIABLE):
            raise KafkaException(error)
        sleep(RETRY_SECONDS)


def _refresh_metadata(consumer: Consumer, topic: str, partition: int, timeout_s: float) -> bool:
    """Refresh the metadata about the leader. Return whether the cluster has the partition.

    A consumer without an assignment does not refresh it by itself after a broker failure.
    """
    try:
        metadata = consumer.list_topics(topic, timeout=min(timeout_s, METADATA_SECONDS)).topics[topic]
    except KafkaException:
        return False
    return metadata.error is None and partition in metadata.partitions


def query_first_offsets(admin: AdminClient, name: str, partitions: int, timeout_s: float) -> list[int]:
    """Return the offset of the first record that each partition still has. Raises LogUnavailable."""
    return _query_offsets(admin, name, partitions, timeout_s, OffsetSpec.earliest)


def query_end_offsets(admin: AdminClient, name: str, partitions: int, timeout_s: float) -> list[int]:
    """Return the end of each partition. Raises LogUnavailable."""
    return _query_offsets(admin, name, partitions, timeout_s, OffsetSpec.latest)


def _query_offsets(
    admin: AdminClient, name: str, partitions: int, timeout_s: float, offset_spec: Callable[[], OffsetSpec]
) -> list[int]:
    specs = {TopicPartition(name, partition): offset_spec() for partition in range(partitions)}
    with errors_as_unavailable():
        results = admin.list_offsets(specs, request_timeout=timeout_s)
        return [results[partition].result().offset for partition in specs]
