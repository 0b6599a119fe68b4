"""The write side of a server: a writer for each partition, on the projection `orders`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic, time_ns
from typing import TypeVar

from google.rpc.status_pb2 import Status

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Accepted, Attempt
from ordertrail_server.commands.command_observer import CommandObserver
from ordertrail_server.commands.command_queue import UNAVAILABLE, CommandQueue
from ordertrail_server.commands.command_traces import CommandTraces
from ordertrail_server.commands.fold import HOT_BYTES, TAIL_BYTES, Fold
from ordertrail_server.commands.joint_work import run_until_first_ends
from ordertrail_server.commands.order_store import ProjectedOrders
from ordertrail_server.commands.preview import find_refusal
from ordertrail_server.commands.projection_start import ProjectionStart
from ordertrail_server.commands.recorded_refusal import read_status
from ordertrail_server.commands.writer import Writer
from ordertrail_server.facts.link import Link
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Log, LogDamaged, LogUnavailable
from ordertrail_server.log.single_read import read_one
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.projections.orders.order_reader import OrderReader
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.telemetry.process_tracing import find_tracing

_log = logging.getLogger(__name__)

T = TypeVar("T")

EXPIRY_CHECK_SECONDS = 0.1
RETRY_SECONDS = 0.2
# How long a call without a deadline waits for a server that starts.
DEFAULT_WAIT_SECONDS = 10.0
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
        start: ProjectionStart,
        new_id: Callable[[], str],
        on_append: Callable[[], None],
        capacity: int,
        hot_bytes: int = HOT_BYTES,
        tail_bytes: int = TAIL_BYTES,
        observer: CommandObserver | None = None,
    ) -> None:
        """Queue up to `capacity` commands of each kind per partition.

        Cached orders take about `hot_bytes` of memory, and records that are not projected yet about `tail_bytes`.
        `observer` gets the answer of each attempt, and the outcome of each append.
        """
        self._observer, tracing = observer, find_tracing()
        self._traces = None if tracing is None else CommandTraces(tracing, log.topic)
        self._log, self._start, self._new_id, self._on_append = log, start, new_id, on_append
        self._capacity = capacity
        self._hot_bytes, self._tail_bytes = hot_bytes // log.partitions, tail_bytes // log.partitions
        self._writers: list[Writer] = []
        self._reader: OrderReader | None = None
        self._running: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._accepting = True

    async def run(self) -> None:
        """Accept attempts from when the projection is near the end of the log, until `stop`.

        Raises LogDamaged, LogUnavailable.
        """
        self._running = asyncio.create_task(self._run())
        with suppress(asyncio.CancelledError):
            await self._running

    async def _run(self) -> None:
        with closing(await _retry_unavailable(self._start.wait_near_end)) as reader:
            self._reader = reader
            for partition in range(self._log.partitions):
                self._writers.append(await _retry_unavailable(partial(self._create_writer, partition, reader)))
            for writer in self._writers:
                await _retry_unavailable(writer.fold.catch_up)
            self._ready.set()
            await self._run_writers()

    async def _run_writers(self) -> None:
        work = [self._answer_expired()]
        for writer in self._writers:
            work.append(writer.run())
            if not self._log.capabilities.atomic_append:
                work.append(writer.follow())
        await run_until_first_ends(work)

    @property
    def is_ready(self) -> bool:
        """True if attempts can be submitted."""
        return self._ready.is_set() and self._accepting

    @property
    def waiting_counts(self) -> list[int]:
        """The number of attempts that are queued in each partition."""
        return [len(writer.queue) for writer in self._writers]

    async def wait_until_ready(self) -> None:
        """Return when attempts can be submitted for the first time."""
        await self._ready.wait()

    async def wait_ready(self, deadline: float = inf) -> None:
        """Return when attempts can be submitted, or at once if stopped.

        Raises Refused at the deadline (monotonic clock); without one, after DEFAULT_WAIT_SECONDS.
        """
        if self.is_ready or not self._accepting:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(DEFAULT_WAIT_SECONDS if deadline == inf else deadline - monotonic()):
                await self._ready.wait()
        if not self.is_ready:
            raise Refused(Refusal(reasons.ERROR_REASON_UNAVAILABLE, self._start.describe_progress()))

    def switch_projection(self, path: Path) -> None:
        """Read another generation of the projection `orders`, which includes everything that was noted as projected."""
        self._start.switch(path)
        if self._reader is not None:
            try:
                self._reader.switch(path)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._start.on_damage(path, str(error))

    def note_projected(self, positions: Mapping[int, int]) -> None:
        """Note that the projection `orders` includes everything before these offsets, by partition."""
        for partition, writer in enumerate(self._writers):
            writer.note_projected(positions.get(partition, 0))

    async def _create_writer(self, partition: int, reader: OrderReader) -> Writer:
        store = ProjectedOrders(reader, partition, self._start.on_damage)
        return Writer(
            self._log,
            partition,
            Fold(self._log, partition, store, self._hot_bytes, self._tail_bytes),
            now=time_ns,
            new_id=self._new_id,
            on_append=self._on_append,
            capacity=self._capacity,
            observer=self._observer,
        )

    def submit(self, attempt: Attempt) -> None:
        """Queue an attempt; its `answer` gets the answer. Raises Refused if stopped or overloaded."""
        self._submit(self._queue_of(attempt), attempt)

    def submit_if_space(self, attempt: Attempt) -> bool:
        """Submit an attempt and return True, or return False if it must wait. Raises Refused if the queue is closed."""
        queue = self._writers[self.partition_of(attempt.order_id)].queue if self.is_ready else None
        if queue is None or not queue.has_space(attempt):
            return False
        self._submit(queue, attempt)
        return True

    def _submit(self, queue: CommandQueue, attempt: Attempt) -> None:
        queue.submit(attempt)
        if self._observer is not None:
            attempt.answer.add_done_callback(self._observer.note_answer)
        if self._traces is not None:
            attempt.answer.add_done_callback(partial(self._traces.note_answer, attempt))

    async def submit_when_space(self, attempt: Attempt) -> None:
        """Submit an attempt once the queue has space. Raises Refused if stopped, or at the attempt's deadline."""
        await self.wait_ready(attempt.deadline)
        queue = self._queue_of(attempt)
        if not queue.has_space(attempt):
            try:
                async with asyncio.timeout(None if attempt.deadline == inf else max(attempt.deadline - monotonic(), 0)):
                    await queue.wait_for_space(attempt)
            except TimeoutError:
                raise Refused(UNAVAILABLE) from None
        self.submit(attempt)

    def _queue_of(self, attempt: Attempt) -> CommandQueue:
        if not self.is_ready:
            raise STOPPED
        return self._writers[self.partition_of(attempt.order_id)].queue

    def partition_of(self, order_id: str) -> int:
        """Return the partition of an order's records."""
        return partition_of(order_id, self._log.partitions)

    def preview(self, attempt: Attempt) -> Refusal | None:
        """Return why a command would be refused on the order that this server knows, as `find_refusal` does."""
        return find_refusal(self._writers[self.partition_of(attempt.order_id)].fold, attempt)

    def receipt(self, order_id: str, request_id: str) -> Link | None:
        """Return the link that a request led to, or None. Raises StoreUnavailable."""
        return self._writers[self.partition_of(order_id)].fold.receipt(order_id, request_id)

    def customer_of(self, order_id: str) -> str | None:
        """Return the customer of an order, empty if it has none; None if there is no order. Raises StoreUnavailable."""
        order = self._writers[self.partition_of(order_id)].fold.aggregate(order_id).order
        return None if order is None else order.customer_id

    async def read_record(self, order_id: str, accepted: Accepted) -> tuple[Reading, bytes]:
        """Return the record of an accepted command: (reading, stored bytes)."""
        if accepted.record is not None:
            return accepted.record
        logged = await read_one(self._log, self.partition_of(order_id), accepted.fact.offset)
        reading = read(logged.value)
        if reading is None or logged.digest != accepted.fact.digest:
            raise LogDamaged(f"the record at offset {logged.offset} is not the one that was acknowledged")
        return reading, logged.value

    async def read_refusal(self, order_id: str, link: Link) -> Status:
        """Return the status of a recorded refusal, as it is stored."""
        logged = await read_one(self._log, self.partition_of(order_id), link.offset)
        if logged.digest != link.digest:
            raise LogDamaged(f"the record at offset {logged.offset} is not the refusal that was recorded")
        return read_status(logged.value)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Refuse further attempts, and answer those submitted before.

        Attempts without an answer after `grace_s` seconds are refused as UNAVAILABLE: they may have led to facts.
        """
        self._accepting = False
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await asyncio.gather(*(writer.queue.join() for writer in self._writers))
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _answer_expired(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_CHECK_SECONDS)
            for writer in self._writers:
                writer.queue.answer_expired(monotonic())


async def _retry_unavailable(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call until the log can be reached, and the projection has taken in enough of it."""
    is_logged = False
    while True:
        try:
            return await call()
        except LogUnavailable as error:
            if not is_logged:  # logged once, however long it lasts
                _log.warning("commands wait until the log can be read: %s", error)
            is_logged = True
            await asyncio.sleep(RETRY_SECONDS)
