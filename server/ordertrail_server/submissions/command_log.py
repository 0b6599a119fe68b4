"""One partition of the log of commands: appends submissions in batches, and folds all messages into the index."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from ordertrail_server.log.port import AppendLog, AppendUncertain, Entry, LogDamaged, Logged, LogUnavailable
from ordertrail_server.orders.chain import digest
from ordertrail_server.schema.submitted_command import read_submitted
from ordertrail_server.submissions.command_index import CommandIndex, NewCommand
from ordertrail_server.submissions.inbox import Waiting

_log = logging.getLogger(__name__)

BATCH, READ = 1_000, 1_000
QUEUE_BYTES = 16 * 1024 * 1024
"""The most bytes of submissions that wait for an append."""


class Added(NamedTuple):
    """A command that was added to the index. `is_own` is true if this server has appended it."""

    waiting: Waiting
    is_own: bool


class CommandLog:
    """Appends to one partition, and keeps the index current. `on_added` gets the commands that are new in it."""

    def __init__(
        self,
        log: AppendLog,
        partition: int,
        index: CommandIndex,
        thread: Executor,
        now: Callable[[], int],
        on_added: Callable[[list[Added]], None],
    ) -> None:
        self._log, self._partition, self._index, self._thread = log, partition, index, thread
        self._now, self._on_added = now, on_added
        self.position, self._digest = next(row[1:] for row in index.positions() if row[0] == partition)
        self._queue: list[tuple[Entry, asyncio.Future[int]]] = []
        self._queued_bytes = 0
        self._nonempty, self._turn = asyncio.Event(), asyncio.Lock()

    @property
    def is_full(self) -> bool:
        """True if no further submission can be queued."""
        return self._queued_bytes >= QUEUE_BYTES

    def submit(self, entry: Entry) -> "asyncio.Future[int]":
        """Queue a submission. The result is its offset, once it is durable and in the index.

        The future raises AppendUncertain, LogUnavailable.
        """
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append((entry, future))
        self._queued_bytes += len(entry.value)
        self._nonempty.set()
        return future

    async def run(self) -> None:
        """Append submissions for ever, those that gather during an append in the next one. Raises LogDamaged."""
        while True:
            await self._nonempty.wait()
            batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            self._queued_bytes -= sum(len(entry.value) for entry, _ in batch)
            if not self._queue:
                self._nonempty.clear()
            await self._append(batch)

    async def follow(self) -> None:
        """Fold the messages of other servers for ever. Raises LogDamaged."""
        while True:
            await self._log.wait(self._partition, self.position)
            await self.catch_up()

    async def catch_up(self) -> None:
        """Fold up to the present end. Raises LogDamaged, LogUnavailable."""
        end = await self._log.end(self._partition, self.position)
        async with self._turn:
            await self._fold_to(end)

    async def _append(self, batch: Sequence[tuple[Entry, "asyncio.Future[int]"]]) -> None:
        try:
            async with self._turn:
                offsets = await self._log.append(self._partition, [entry for entry, _ in batch])
                await self._fold_own([entry for entry, _ in batch], offsets)
        except (AppendUncertain, LogUnavailable) as error:
            _log.warning("submitted commands could not be stored: %s", error)
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), offset in zip(batch, offsets, strict=True):
            if not future.done():
                future.set_result(offset)

    async def _fold_own(self, entries: Sequence[Entry], offsets: Sequence[int]) -> None:
        if list(offsets) == list(range(self.position, self.position + len(offsets))):
            records = [
                Logged(offset, key, value, digest(value)) for offset, (key, value) in zip(offsets, entries, strict=True)
            ]
            await self._add(records, frozenset(offsets))
        else:  # another server has appended meanwhile
            await self._fold_to(max(offsets) + 1, frozenset(offsets))

    async def _fold_to(self, end: int, own: frozenset[int] = frozenset()) -> None:
        while self.position < end:
            records = await self._log.read(self._partition, self.position, READ)
            if not records:
                after_gap = self._log.skip_gap(self._partition, self.position)
                if after_gap == self.position:
                    raise LogDamaged(
                        f"partition {self._partition} of {self._log.topic} ends at offset {self.position}, but it had "
                        f"{end} commands: commands are missing; restore the log"
                    )
                self.position = after_gap
                continue
            await self._add(records, own)

    async def _add(self, records: Sequence[Logged], own: frozenset[int]) -> None:
        now = self._now()
        commands = [command for record in records if (command := self._read(record, now)) is not None]
        last = records[-1]
        add = (self._partition, last.offset + 1, last.digest, commands)
        added = set(await asyncio.get_running_loop().run_in_executor(self._thread, self._index.add, *add))
        self.position = last.offset + 1
        new = [c.waiting for c in commands if c.waiting.offset in added]
        self._on_added([Added(waiting, waiting.offset in own) for waiting in new])

    def _read(self, record: Logged, now: int) -> NewCommand | None:
        command = read_submitted(record.value)
        if command is None or command.order_id != record.key:
            where = f"{self._log.topic}, partition {self._partition}, offset {record.offset}"
            _log.error("%s is not a submitted command under its order's id, and is skipped", where)
            return None
        delay = command.not_before
        due = min(command.submit_time, now) if delay is None else delay
        return NewCommand(record, command.command_id, Waiting(due, record.offset, record.key, delay is not None))
