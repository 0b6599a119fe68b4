"""One partition of the log of commands: appends submissions in batches, and folds all messages into the tail."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import NamedTuple

from ordertrail_server.log.port import AppendLog, AppendUncertain, Entry, LogDamaged, Logged, LogUnavailable
from ordertrail_server.orders.chain import digest
from ordertrail_server.schema.submitted_command import SubmittedCommand, add_predecessor, read_submitted
from ordertrail_server.submissions.command_index import IndexedCommand
from ordertrail_server.submissions.command_tail import CommandTail
from ordertrail_server.submissions.inbox import Waiting

_log = logging.getLogger(__name__)

BATCH, READ = 1_000, 1_000
QUEUE_BYTES = 16 * 1024 * 1024
"""The most bytes of submissions that wait for an append."""

QUIET_ROUNDS = 24

UNREACHABLE_S = 1.0
STORING_S = 0.05
"""How long after a submission the next one is expected."""


class Added(NamedTuple):
    """A new command. `is_own` is true if this server has appended it."""

    waiting: Waiting
    command: SubmittedCommand
    is_own: bool


class Queued(NamedTuple):
    """A submission that waits for its append. The result is the stored command with its id."""

    command: SubmittedCommand
    entry: Entry
    result: "asyncio.Future[IndexedCommand]"


class CommandLog:
    """Appends to one partition, and folds it."""

    def __init__(self, log: AppendLog, partition: int, tail: CommandTail, now: Callable[[], int]) -> None:
        self._log, self.partition, self.tail, self._now = log, partition, tail, now
        self.position = tail.end
        self.on_added: Callable[[Added], None] = lambda _: None
        """Gets each command that is new in the log."""

        self._queue: list[Queued] = []
        self._in_flight: dict[str, Queued] = {}
        self._queued_bytes = self._last_batch = 0
        self._nonempty, self._turn = asyncio.Event(), asyncio.Lock()
        self._stored_at = 0.0

    @property
    def is_full(self) -> bool:
        """True if no further submission can be queued."""
        return self._queued_bytes >= QUEUE_BYTES

    @property
    def is_storing(self) -> bool:
        """True while submissions of several callers are being stored, and shortly after."""
        return self._last_batch > 1 and (bool(self._queue) or monotonic() < self._stored_at + STORING_S)

    def submit(self, command: SubmittedCommand, value: bytes) -> "asyncio.Future[IndexedCommand]":
        """Queue a submission with its serialized form. The result is the command with its id that is stored.

        That may be an earlier one. The future raises AppendUncertain, LogUnavailable.
        """
        future: asyncio.Future[IndexedCommand] = asyncio.get_running_loop().create_future()
        earlier, stored = self._in_flight.get(command.command_id), self.tail.find(command.command_id)
        if stored is not None:
            future.set_result(stored)
        elif earlier is not None:
            earlier.result.add_done_callback(partial(_copy_result, future))
        else:
            queued = Queued(command, Entry(command.order_id, value), future)
            self._queue.append(queued)
            self._in_flight[command.command_id] = queued
            self._queued_bytes += len(value)
            self._nonempty.set()
        return future

    async def run(self) -> None:
        """Append submissions for ever, those that gather during an append in the next one. Raises LogDamaged."""
        while True:
            await self._nonempty.wait()
            await self._gather()
            batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            self._queued_bytes -= sum(len(queued.entry.value) for queued in batch)
            self._last_batch = len(batch)
            if not self._queue:
                self._nonempty.clear()
            await self._append(batch)

    async def _gather(self) -> None:
        """Wait for submissions that are about to be queued, because a larger batch costs each caller less.

        As a writer does for commands: it ends after some rounds of the event loop without a new one. A single caller
        never waits for others.
        """
        quiet = 0
        while self._last_batch > 1 and len(self._queue) < BATCH and quiet < QUIET_ROUNDS:
            before = len(self._queue)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._queue) == before else 0

    async def follow(self) -> None:
        """Fold the messages of other servers for ever. Raises LogDamaged."""
        while True:
            try:
                await self._log.wait(self.partition, self.position)
                await self.catch_up()
            except LogUnavailable:
                await asyncio.sleep(UNREACHABLE_S)

    def close(self) -> None:
        """Fail all submissions that have no answer yet."""
        self._fail(list(self._in_flight.values()), LogUnavailable("the log of commands is opened again"))

    async def catch_up(self) -> None:
        """Fold up to the present end. Raises LogDamaged, LogUnavailable."""
        end = await self._log.end(self.partition, self.position)
        async with self._turn:
            await self._fold_to(end)

    async def _append(self, batch: Sequence[Queued]) -> None:
        try:
            async with self._turn:
                await self.tail.wait_for_space()
                offsets = await self._log.append(self.partition, self._entries_of(batch))
                await self._fold_own(batch, offsets)
        except (AppendUncertain, LogUnavailable) as error:
            _log.warning("submitted commands could not be stored: %s", error)
            self._fail([*batch, *self._queue], error)
            return
        for queued in batch:
            stored = self.tail.find(queued.command.command_id)
            del self._in_flight[queued.command.command_id]
            if queued.result.done():
                continue
            if stored is None:
                _set_error(queued.result, AppendUncertain("an earlier command of the order is not stored"))
            else:
                queued.result.set_result(stored)

    def _entries_of(self, batch: Sequence[Queued]) -> list[Entry]:
        """Return the messages of a batch.

        If appends are not atomic, each names the command of its order before it, so that none counts without that.
        """
        if self._log.capabilities.atomic_append:
            return [queued.entry for queued in batch]
        entries, newest = list[Entry](), dict[str, str]()
        for queued in batch:
            key, value = queued.entry
            entries.append(Entry(key, add_predecessor(value, newest[key]) if key in newest else value))
            newest[key] = queued.command.command_id
        return entries

    def _fail(self, submissions: Sequence[Queued], error: Exception) -> None:
        """Fail these submissions, and forget all that are queued.

        Later commands of a submission must not be stored before earlier ones, which the caller sends again.
        """
        self._queue, self._queued_bytes = [], 0
        self._in_flight.clear()
        self._nonempty.clear()
        for queued in submissions:
            if not queued.result.done():
                _set_error(queued.result, error)

    async def _fold_own(self, batch: Sequence[Queued], offsets: Sequence[int]) -> None:
        if list(offsets) != list(range(self.position, self.position + len(offsets))):
            # Another server has appended meanwhile.
            await self._fold_to(max(offsets) + 1, frozenset(offsets))
            return
        self._stored_at = monotonic()
        # `submit` has made sure that no other command has the id. Other servers may have stored one since.
        is_new = self._log.capabilities.atomic_append
        for queued, entry, offset in zip(batch, self._entries_of(batch), offsets, strict=True):
            record = Logged(offset, *entry, digest(entry.value))
            self._take(record, queued.command, is_own=True, is_new=is_new)

    async def _fold_to(self, end: int, own: frozenset[int] = frozenset()) -> None:
        while self.position < end:
            await self.tail.wait_for_space()
            records = await self._log.read(self.partition, self.position, READ)
            if not records:
                self._skip_gap(end)
            for record in records:
                self._take(record, self._read(record), is_own=record.offset in own)

    def _skip_gap(self, end: int) -> None:
        after_gap = self._log.skip_gap(self.partition, self.position)
        if after_gap == self.position:
            raise LogDamaged(
                f"partition {self.partition} of {self._log.topic} ends at offset {self.position}, but it had {end} "
                "commands: commands are missing; restore the log"
            )
        self.position = after_gap

    def _take(self, record: Logged, command: SubmittedCommand | None, *, is_own: bool, is_new: bool = False) -> None:
        """Fold one message. Of several commands with one id the first one counts; `is_new` if that is known."""
        self.position = record.offset + 1
        self.tail.move(record)
        if command is None or (not is_new and not self._counts(command)):
            return
        waiting = self.tail.add(record, command, self._now())
        self.on_added(Added(waiting, command, is_own))

    def _counts(self, command: SubmittedCommand) -> bool:
        """Return whether a command is new, and the one that must stand before it does."""
        if self.tail.find(command.command_id) is not None:
            return False
        return not command.predecessor_id or self.tail.find(command.predecessor_id) is not None

    def _read(self, record: Logged) -> SubmittedCommand | None:
        command = read_submitted(record.value)
        if command is None or command.order_id != record.key:
            where = f"{self._log.topic}, partition {self.partition}, offset {record.offset}"
            _log.error("%s is not a submitted command under its order's id, and is skipped", where)
            return None
        return command


def _copy_result(target: "asyncio.Future[IndexedCommand]", source: "asyncio.Future[IndexedCommand]") -> None:
    """Give `target` the result of an earlier submission of the same command."""
    if target.done():
        return
    if source.cancelled():  # its caller has gone; the command may be stored nevertheless
        _set_error(target, AppendUncertain("the outcome of an earlier submission is unknown"))
    elif (error := source.exception()) is not None:
        _set_error(target, error)
    else:
        target.set_result(source.result())


def _set_error(future: "asyncio.Future[IndexedCommand]", error: BaseException) -> None:
    future.set_exception(error)
    future.exception()  # its caller may have gone, and nobody else asks for it
