"""Reads a topic of older producers, which is not a log: it may be compacted or truncated, and may still grow."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.connection import connect_to_brokers
from ordertrail_server.log.kafka.errors import TRANSIENT, describe_error
from ordertrail_server.log.kafka.offset_queries import query_watermarks
from ordertrail_server.log.kafka.settings import Settings, check_topic_encoding, create_client, reader_settings
from ordertrail_server.log.port import LogRefused, LogUnavailable

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")

BATCH = 500
POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 30.0


class SourceTopic:
    """Reads a topic's messages in all partitions. Commits no offsets.

    `warn` gets a sentence if requested messages no longer exist. Raises KafkaSettingRefused.
    """

    def __init__(self, settings: Settings, topic: str, warn: Callable[[str], None]) -> None:
        check_topic_encoding(topic)
        # Messages of aborted transactions do not count.
        committed_only = {**reader_settings(settings), "isolation.level": "read_committed"}
        self._settings = settings
        self._consumer, self._topic, self._warn = create_client(Consumer, committed_only), topic, warn
        self._thread = ThreadPoolExecutor(1, "topic")
        self._pending_ends: dict[int, int] = {}
        """{partition: end when reading began} of the partitions that have not been read up to that end."""

    async def open(self, begin: Mapping[int, int]) -> None:
        """Start at the earliest message of each partition, or at its offset in `begin`.

        Raises LogRefused for a topic, partition or offset that does not exist, LogUnavailable.
        """
        await self._run(self._assign, begin)

    async def messages(self, *, follow: bool) -> AsyncGenerator[Message, None]:
        """Yield the messages up to the ends at the time of `open`; with `follow`, continue for ever.

        Raises LogUnavailable.
        """
        deadline = Deadline(TIMEOUT_SECONDS)
        while follow or self._pending_ends:
            messages = await self._run(self._poll)
            for message in messages:
                if self._track_progress(message):
                    yield message
            if messages:
                deadline = Deadline(TIMEOUT_SECONDS)
            elif not follow and deadline.has_passed():
                raise LogUnavailable(
                    f"no broker sent a message of the topic {self._topic} within {TIMEOUT_SECONDS:.0f} s"
                )

    def close(self) -> None:
        """Wait for the running call, and close the consumer."""
        self._thread.shutdown()
        self._consumer.close()

    async def _run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _assign(self, begin: Mapping[int, int]) -> None:
        connect_to_brokers(self._settings)
        try:
            partitions = self._query_partitions()
            ends = {
                partition: query_watermarks(self._consumer, self._topic, partition, TIMEOUT_SECONDS)
                for partition in partitions
            }
        except KafkaException as error:
            raise LogUnavailable(f"the cluster did not answer: {describe_error(error.args[0])}") from error
        if unknown := begin.keys() - ends.keys():
            raise LogRefused(f"The topic {self._topic} has no partition {min(unknown)}.")
        firsts = {
            partition: self._first_offset(partition, begin.get(partition, 0), *ends[partition]) for partition in ends
        }
        self._pending_ends = {partition: end for partition, (_, end) in ends.items() if firsts[partition] < end}
        self._consumer.assign([TopicPartition(self._topic, *position) for position in firsts.items()])

    def _query_partitions(self) -> list[int]:
        metadata = self._consumer.list_topics(self._topic, TIMEOUT_SECONDS).topics[self._topic]
        if metadata.error is not None:
            raise LogRefused(f"The topic {self._topic} cannot be read: {describe_error(metadata.error)}.")
        return sorted(metadata.partitions)

    def _first_offset(self, partition: int, begin: int, first: int, end: int) -> int:
        if begin > end:
            raise LogRefused(
                f"Partition {partition} of the topic {self._topic} ends at offset {end}, before offset {begin}."
            )
        if begin < first:
            self._warn(f"Partition {partition} begins at offset {first}, because Kafka has removed earlier messages.")
        return max(begin, first)

    def _poll(self) -> list[Message]:
        # `consume` alone would wait until it has all of them, or until the timeout.
        first = self._consumer.poll(POLL_SECONDS)
        return [] if first is None else [first, *self._consumer.consume(BATCH - 1, 0)]

    def _track_progress(self, message: Message) -> bool:
        """Track how far a partition was read. Return whether this is a message, not an end-of-partition event."""
        partition, offset, error = message.partition() or 0, message.offset() or 0, message.error()
        if error is not None and error.code() in TRANSIENT:
            return False
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise LogUnavailable(
                f"partition {partition} could not be read from offset {offset} on: {describe_error(error)}"
            )
        if error is not None or offset + 1 >= self._pending_ends.get(partition, 0):
            self._pending_ends.pop(partition, None)
        return error is None
