"""The embedded log: one SQLite file in a data directory, one process that writes, any number that follow."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Self

from ordertrail_server.log.appender import Appender
from ordertrail_server.log.embedded_file import LOG_FILE, create_file, describe
from ordertrail_server.log.lock import DataDirectoryRefused, locked
from ordertrail_server.log.port import Entry, Logged, LogUnavailable
from ordertrail_server.log.readers import Readers
from ordertrail_server.log.records import read_end, read_records, unreadable
from ordertrail_server.log.sqlite import sqlite3

POLL_SECONDS = 0.02


class EmbeddedFollower:
    """Reads and follows the log in a data directory that another process may be serving.

    Raises DataDirectoryRefused if there is no log, LogDamaged if the file is none, LogUnavailable.
    """

    atomic = True

    def __init__(self, directory: Path) -> None:
        path = directory / LOG_FILE
        self._closed = False
        with ExitStack() as held:
            try:
                self._open(path, held)
            except sqlite3.Error as error:
                raise unreadable(error, f"({path})") from error
            self._held = held.pop_all()

    async def end(self, partition: int) -> int:
        """Return the offset that the partition's next record will get."""
        self._check(partition)
        return await self._readers.run(read_end, partition)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Raise PermissionError: only the process that serves the data directory appends."""
        raise PermissionError("this process follows the log; only the one that serves the data directory appends")

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records (at least 1) from `offset` on, each one verified."""
        self._check(partition)
        if offset < 0 or limit < 1:
            raise ValueError(f"a read begins at offset 0 or later and asks for 1 record or more: {offset}, {limit}")
        return await self._readers.run(read_records, partition, offset, limit)

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end lies beyond `offset`; looks every 20 ms."""
        while await self.end(partition) <= offset:  # noqa: ASYNC110 (another process appends)
            await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """Release all that the log holds; running calls are finished first, later ones raise LogUnavailable."""
        self._closed = True
        await asyncio.to_thread(self._held.close)

    def _open(self, path: Path, held: ExitStack) -> None:
        _require(path)
        self._readers = held.enter_context(Readers(path))
        self.identity, self.partitions, self.topic = self._readers.run_here(describe)

    def _check(self, partition: int) -> None:
        if self._closed:
            raise LogUnavailable("the log is closed")
        if not 0 <= partition < self.partitions:
            raise ValueError(f"the log has the partitions 0 to {self.partitions - 1}, not {partition}")


class EmbeddedLog(EmbeddedFollower):
    """The log of the process that serves a data directory, for as long as it holds the directory's lock.

    `create` and `open` raise DataDirectoryBusy if another process holds it.
    """

    def __init__(self, directory: Path, *, begin_with: int | None = None) -> None:
        self._begin_with = begin_with
        super().__init__(directory)

    @classmethod
    def create(cls, directory: Path, *, partitions: int = 1) -> Self:
        """Begin a new log in an existing directory, and open it. Raises FileExistsError if there is one."""
        return cls(directory, begin_with=partitions)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the log of a directory to append and read."""
        return cls(directory)

    @staticmethod
    def follow(directory: Path) -> EmbeddedFollower:
        """Open the log of a directory to read only, beside the process that serves it."""
        return EmbeddedFollower(directory)

    async def end(self, partition: int) -> int:
        """Return the offset that the partition's next record will get."""
        self._check(partition)
        ends = self._appender.known_ends
        if ends is None:  # an append failed: the file knows
            ends = await asyncio.get_running_loop().run_in_executor(self._thread, self._appender.ends)
        return ends[partition]

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries, all or none; one that has begun is finished, also if its caller gives up."""
        self._check(partition)
        if not entries:
            return []
        loop = asyncio.get_running_loop()
        appending = loop.run_in_executor(self._thread, self._appender.append, partition, entries)
        appending.add_done_callback(partial(self._wake, partition))
        return await asyncio.shield(appending)

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end lies beyond `offset`."""
        while await self.end(partition) <= offset:
            await self._appended[partition].wait()

    async def close(self) -> None:
        """Release all that the log holds; running calls are finished first, those who wait get LogUnavailable."""
        self._closed = True
        for partition in range(self.partitions):
            self._wake(partition)
        await super().close()

    def _open(self, path: Path, held: ExitStack) -> None:
        held.enter_context(locked(path.parent))
        if self._begin_with is not None:
            create_file(path.parent, self._begin_with)
        _require(path)
        self._appender = held.enter_context(closing(Appender(path)))
        super()._open(path, held)  # closed before the appender, whose closing then tidies the file
        self._appended = [asyncio.Event() for _ in range(self.partitions)]
        self._thread = held.enter_context(ThreadPoolExecutor(1, "append"))

    def _wake(self, partition: int, _: object = None) -> None:
        # Set and cleared at once, an event wakes those who wait now; each looks at the end for itself.
        self._appended[partition].set()
        self._appended[partition].clear()


def _require(path: Path) -> None:
    if not path.exists():
        raise DataDirectoryRefused(f"{path.parent} holds no log ({path.name}).")
