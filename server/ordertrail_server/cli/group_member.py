"""A member of a Kafka consumer group that fetches no records: it gets partitions assigned, and commits offsets."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ordertrail_server.log.kafka.errors import describe_error
from ordertrail_server.log.kafka.settings import Settings, create_client, reader_settings
from ordertrail_server.log.port import LogRefused, LogUnavailable

POLL_SECONDS = 0.1
QUERY_TIMEOUT_SECONDS = 10.0
# The reader of the output may pause. Meanwhile the group waits for this member's partitions.
STUCK_SECONDS = 60.0
# How soon the group notices that a member died. By default brokers allow no less than 6 seconds.
_FAST_FAILURE_DETECTION: Settings = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_000}
_REFUSED = frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED})

OnAssigned = Callable[[Mapping[int, int]], Coroutine[Any, Any, None]]
OnRevoked = Callable[[], Coroutine[Any, Any, None]]


class GroupMember:
    """A membership, which lasts while `poll` is called regularly. All client calls run in one thread.

    `on_assigned` runs in the event loop, with {partition: committed offset, or 0} of the member's new partitions.
    `on_revoked` runs before another member gets them, and returns when their processing has stopped. `processed` is
    {partition: next offset}; it is committed soon, and before a revocation. Raises KafkaSettingRefused.
    """

    def __init__(
        self, settings: Settings, topic: str, group: str, on_assigned: OnAssigned, on_revoked: OnRevoked
    ) -> None:
        self.processed: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._topic, self._on_assigned, self._on_revoked = topic, on_assigned, on_revoked
        self._loop = asyncio.get_running_loop()
        self._consumer = create_client(
            Consumer, {**_FAST_FAILURE_DETECTION, **reader_settings(settings), "group.id": group}
        )
        self._consumer.subscribe([topic], on_assign=self._handle_assignment, on_revoke=self._handle_revocation)
        self._thread = ThreadPoolExecutor(1, "group")

    async def poll(self) -> None:
        """Poll the group once. Raises LogUnavailable, LogRefused, and the errors of both callbacks."""
        await self._run(self._poll)

    async def leave(self) -> None:
        """Commit, give up all partitions, and leave the group."""
        await self._run(self._leave)
        self._thread.shutdown()

    def _run(self, work: Callable[[], None]) -> Awaitable[None]:
        return self._loop.run_in_executor(self._thread, work)

    def _poll(self) -> None:
        try:
            message = self._consumer.poll(POLL_SECONDS)
        except KafkaException as error:
            raise LogUnavailable(f"the group did not answer: {describe_error(error.args[0])}") from error
        fault = message and message.error()
        if fault and (fault.fatal() or fault.code() in _REFUSED):
            raise LogRefused(f"the group does not accept this member: {describe_error(fault)}")
        self._commit()

    def _handle_assignment(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        offsets = {
            stored.partition: max(stored.offset, 0) for stored in consumer.committed(partitions, QUERY_TIMEOUT_SECONDS)
        }
        positions = [TopicPartition(self._topic, *position) for position in offsets.items()]
        consumer.assign(positions)
        consumer.pause(positions)  # another client fetches the records
        self._call(self._on_assigned(offsets))

    def _handle_revocation(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        self._call(self._on_revoked())
        self._commit()
        self.processed, self._committed = {}, {}
        consumer.unassign()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop).result(STUCK_SECONDS)
        except TimeoutError:
            raise LogUnavailable(
                f"the output of this member of the group was not read for {STUCK_SECONDS:.0f} s"
            ) from None

    def _commit(self) -> None:
        """Commit new offsets. A failed commit is retried, or is moot because another member has the partition."""
        processed = dict(self.processed)
        new = {partition: offset for partition, offset in processed.items() if self._committed.get(partition) != offset}
        if not new:
            return
        try:
            positions = [TopicPartition(self._topic, *position) for position in new.items()]
            self._consumer.commit(offsets=positions, asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() in _REFUSED:
                raise LogRefused(
                    f"the group does not accept offsets of this member: {describe_error(error.args[0])}"
                ) from error
        else:
            self._committed |= new

    def _leave(self) -> None:
        try:
            self._commit()
        finally:
            self._consumer.close()
