"""The write side of a server: a writer for each partition, and a saver of their snapshots."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import monotonic, time_ns

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Accepted, Attempt
from ordertrail_server.commands.command_queue import UNAVAILABLE, CommandQueue
from ordertrail_server.commands.fold import HOT_BYTES, Fold
from ordertrail_server.commands.snapshot_saver import SnapshotSaver
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.commands.writer import Writer
from ordertrail_server.log.continuity import check_continues
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Log, LogDamaged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.reading import Reading, read

EXPIRY_CHECK_SECONDS = 0.1
STOPPED = Refused(
    Refusal(
        reasons.ERROR_REASON_UNAVAILABLE, "The server is starting or stopping; retry with the same request id shortly."
    )
)


class CommandHandler:
    """Passes each attempt to the writer of its order's partition."""

    def __init__(
        self,
        log: Log,
        store: StateStore,
        new_id: Callable[[], str],
        on_append: Callable[[], None],
        capacity: int,
        hot_bytes: int = HOT_BYTES,
    ) -> None:
        """Queue up to `capacity` commands of each kind per partition; cache orders in about `hot_bytes` of memory."""
        self._log, self._store = log, store
        self._writers = [
            Writer(
                log,
                partition,
                Fold(log, partition, store, hot_bytes // log.partitions),
                now=time_ns,
                new_id=new_id,
                on_append=on_append,
                capacity=capacity,
            )
            for partition in range(log.partitions)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._saver = SnapshotSaver(store)
        self._accepting = False

    async def start(self) -> None:
        """Fold the log from the snapshot on, then accept attempts. Raises LogDamaged."""
        for partition, writer in enumerate(self._writers):
            await check_continues(self._log, partition, *self._store.position(partition))
            self._tasks.append(asyncio.create_task(self._saver.save_periodically(partition, writer.fold)))
            await writer.fold.catch_up()
            self._tasks.append(asyncio.create_task(writer.run(), name=f"writer-{partition}"))
            if not self._log.capabilities.atomic_append:
                self._tasks.append(asyncio.create_task(writer.follow(), name=f"follower-{partition}"))
        self._tasks.append(asyncio.create_task(self._answer_expired(), name="expiry"))
        self._tasks.append(asyncio.create_task(self._saver.trim_wal_periodically(), name="trimmer"))
        self._accepting = True

    @property
    def tasks(self) -> "list[asyncio.Task[None]]":
        """The tasks that run as long as the handler does. A task ends only by damage or a defect."""
        return self._tasks

    def submit(self, attempt: Attempt) -> None:
        """Queue an attempt; its `answer` gets the answer. Raises Refused if stopped or overloaded."""
        self._queue_of(attempt).submit(attempt)

    async def submit_when_space(self, attempt: Attempt) -> None:
        """Submit an attempt once the queue has space. Raises Refused if stopped, or at the attempt's deadline."""
        queue = self._queue_of(attempt)
        if not queue.has_space(attempt):
            try:
                async with asyncio.timeout(None if attempt.deadline == inf else max(attempt.deadline - monotonic(), 0)):
                    await queue.wait_for_space(attempt)
            except TimeoutError:
                raise Refused(UNAVAILABLE) from None
        self.submit(attempt)

    def _queue_of(self, attempt: Attempt) -> CommandQueue:
        if not self._accepting:
            raise STOPPED
        return self._writers[self.partition_of(attempt.order_id)].queue

    def partition_of(self, order_id: str) -> int:
        """Return the partition of an order's records."""
        return partition_of(order_id, self._log.partitions)

    async def read_record(self, order_id: str, accepted: Accepted) -> tuple[Reading, bytes]:
        """Return the record of an accepted command: (reading, stored bytes)."""
        if accepted.record is not None:
            return accepted.record
        [logged] = await self._log.read(self.partition_of(order_id), accepted.fact.offset, 1)
        reading = read(logged.value)
        if reading is None or logged.digest != accepted.fact.digest:
            raise LogDamaged(f"the record at offset {logged.offset} is not the one that was acknowledged")
        return reading, logged.value

    async def retry(self, order_id: str) -> Aggregate | None:
        """Fold the unfolded facts of a parked order again; return the order afterwards, None if it is not parked.

        The result is stored at once if the store can be written. After a crash before that, call it again. Raises
        Refused if stopped, LogDamaged, LogUnavailable, StoreDamaged.
        """
        if not self._accepting:
            raise STOPPED
        partition = self.partition_of(order_id)
        fold = self._writers[partition].fold
        order = await fold.retry(order_id)
        if order is not None:
            await asyncio.shield(self._saver.save(partition, fold))  # the caller's cancellation does not cancel it
        return order

    async def stop(self, grace_s: float = 10.0) -> None:
        """Refuse further attempts, answer those submitted before, then save the snapshots.

        Attempts without an answer after `grace_s` seconds are refused as UNAVAILABLE: they may have led to facts.
        """
        self._accepting = False
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await asyncio.gather(*(writer.queue.join() for writer in self._writers))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for partition, writer in enumerate(self._writers):
            await self._saver.save(partition, writer.fold)
        self._saver.close()
        self._store.close()

    async def _answer_expired(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_CHECK_SECONDS)
            for writer in self._writers:
                writer.queue.answer_expired(monotonic())
