"""The submitted commands of a server: the index, and for each partition its log and the processor of its commands."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.joint_work import run_until_first_ends
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.continuity import check_continues
from ordertrail_server.log.port import AppendLog, Log, LogUnavailable
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.storage.database_file import remove_database
from ordertrail_server.storage.lock import DataDirectoryRefused
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.submissions.command_index import CommandIndex, IndexedCommand
from ordertrail_server.submissions.command_log import CommandLog
from ordertrail_server.submissions.command_tail import CommandTail
from ordertrail_server.submissions.processor import Processor
from ordertrail_server.submissions.submission_observer import SubmissionObserver
from ordertrail_server.submissions.waiting_commands import WaitingCommands
from ordertrail_server.submissions.watchers import Watchers

_log = logging.getLogger(__name__)

NOTE_S = 0.05
"""The pause between two transactions that note in the index which commands are decided."""

RETRY_S = 0.5
NOT_READY = Refused(
    Refusal(reasons.ERROR_REASON_UNAVAILABLE, "The server is reading the log of commands; retry shortly.")
)
NO_LOG = Refused(
    Refusal(
        reasons.ERROR_REASON_UNAVAILABLE,
        "The topic of submitted commands does not exist; have the operator create it (ordertrail topics create).",
    )
)


class CommandStore:
    """Opens and serves the submitted commands of one log.

    `grace_s` is how long a command is left to the server that stored it. An index that is damaged is built again.
    """

    def __init__(
        self,
        events: Log,
        path: Path,
        handler: CommandHandler,
        now: Callable[[], int],
        grace_s: float,
        observer: SubmissionObserver | None = None,
    ) -> None:
        self._events, self.handler, self.now, self.observer = events, handler, now, observer
        self._path, self._grace_s = path, grace_s
        self._index: CommandIndex | None = None
        self._thread: ThreadPoolExecutor | None = None
        self.logs: list[CommandLog] = []
        self.processors: list[Processor] = []
        self._ready, self._damaged = asyncio.Event(), asyncio.Event()
        self.watchers = Watchers()

    @property
    def log(self) -> AppendLog:
        """The log of commands. Raises Refused if there is none yet."""
        if self._events.commands is None:
            raise NO_LOG
        return self._events.commands

    @property
    def index(self) -> CommandIndex:
        """The index. Raises Refused while it is not current."""
        if self._index is None or not self._ready.is_set():
            raise NOT_READY
        return self._index

    @property
    def positions(self) -> Offsets:
        """The offset of each partition before which all commands are known."""
        return tuple(commands.position for commands in self.logs)

    async def wait_ready(self, deadline: float) -> None:
        """Return when commands can be stored and found. Raises Refused at the deadline of the event loop's clock."""
        if not self._ready.is_set():
            _ = self.log
            try:
                async with asyncio.timeout_at(deadline):
                    await self._ready.wait()
            except TimeoutError:
                raise NOT_READY from None

    async def wait_reached(self, offsets: Offsets, deadline: float) -> None:
        """Return when all messages before these offsets are in the index. Raises Refused at the deadline."""
        await self.wait_ready(deadline)
        try:
            async with asyncio.timeout_at(deadline):
                for partition, offset in enumerate(offsets):
                    while self.logs[partition].position < offset:
                        await self.log.wait(partition, self.logs[partition].position)
                        await self.logs[partition].catch_up()
        except TimeoutError:
            message = "The server has not read the commands of the tokens yet; retry shortly."
            raise Refused(Refusal(reasons.ERROR_REASON_NOT_FRESH_YET, message, where="at_least_as_fresh")) from None

    async def flush(self) -> None:
        """Have the index include all commands that are known."""
        for commands in self.logs:
            await commands.tail.flush()

    def find(self, command_id: str) -> IndexedCommand | None:
        """Return a command by its id. Raises Refused while the index is not current."""
        _ = self.index
        tails = (commands.tail.find_in_memory(command_id) for commands in self.logs)
        return next(filter(None, tails), None) or self.index.find(command_id)

    async def count_waiting(self) -> list[WaitingCommands]:
        """Count the commands of each partition that wait; none while the index is not current.

        The counts lack changes of the last moments that the index does not include yet.
        """
        with suppress(Refused), self.refuse_damage():
            processors, count = self.processors, partial(self.index.count_open, now=self.now())
            open_counts = await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: [count(partition) for partition in range(len(processors))]
            )
            stopped_counts = [len(processor.stopped) for processor in processors]
            return list(map(WaitingCommands.of, open_counts, stopped_counts))
        return []

    def processor_of(self, position: int) -> Processor:
        """Return the processor of the command at a packed position."""
        return self.processors[LogPosition.unpack(position).partition]

    @contextmanager
    def refuse_damage(self) -> Iterator[None]:
        """Raise Refused if the body finds the index damaged, and have it built again."""
        try:
            yield
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            _log.error("the index of submitted commands is damaged, and is built again: %s", error)
            self._ready.clear()
            self._damaged.set()
            raise NOT_READY from error

    async def run(self) -> None:
        """Serve for ever. Raises LogDamaged, DataDirectoryRefused."""
        await self.handler.wait_until_ready()
        while True:
            while self._events.commands is None:  # noqa: ASYNC110 (an operator creates it)
                await asyncio.sleep(RETRY_S)
            try:
                with closing(CommandIndex(self._path, self.log.identity, self.log.partitions)) as index:
                    await self._serve(index)
                remove_database(self._path)
            except sqlite3.Error as error:
                if is_damage(error):
                    remove_database(self._path)
                _log.error("the index of submitted commands cannot be used, and is opened again: %s", error)
                await asyncio.sleep(RETRY_S)
            except LogUnavailable as error:
                _log.warning("submitted commands wait until their log can be read: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _serve(self, index: CommandIndex) -> None:
        """Serve until the index is damaged."""
        await self._check(index)
        self._damaged.clear()
        with ThreadPoolExecutor(1, "command-index") as thread:
            self.processors, self.logs = [], []
            for partition in range(self.log.partitions):
                commands = CommandLog(self.log, partition, CommandTail(partition, index, thread), self.now)
                processor = Processor(
                    self.handler, commands, index, self.now, self.watchers.notify, self._grace_s, self.observer
                )
                self.logs.append(commands)
                self.processors.append(processor)
            for commands in self.logs:
                await commands.catch_up()
                await commands.tail.flush()
            self._index, self._thread = index, thread
            self._ready.set()
            try:
                await self._run_parts(index, thread)
            finally:
                self._ready.clear()
                self._index = self._thread = None
                for commands in self.logs:
                    commands.close()

    async def _run_parts(self, index: CommandIndex, thread: ThreadPoolExecutor) -> None:
        work = [self._damaged.wait(), self._note_decided(index, thread)]
        work += [part for commands in self.logs for part in (commands.run(), commands.tail.run())]
        work += [processor.run() for processor in self.processors]
        if not self.log.capabilities.atomic_append:
            work += [commands.follow() for commands in self.logs]
        await run_until_first_ends(work)

    async def _check(self, index: CommandIndex) -> None:
        """Raise unless the log still holds the commands that the index was built from."""
        if index.identity() != self.log.identity:
            raise DataDirectoryRefused(
                f"{self._path} was built from another log of commands; restore that log, or move the file away to "
                "build it from this one"
            )
        for partition in range(self.log.partitions):
            position = index.position_of(partition)
            await check_continues(self.log, partition, position.next_offset, position.digest)

    async def _note_decided(self, index: CommandIndex, thread: ThreadPoolExecutor) -> None:
        while True:
            await asyncio.sleep(NOTE_S)
            decided = [
                row
                for processor, commands in zip(self.processors, self.logs, strict=True)
                for row in processor.take_decided(commands.tail.indexed)
            ]
            if decided:
                note = partial(index.note_decided, decided)
                await asyncio.get_running_loop().run_in_executor(thread, note)
