"""A reader and follower of an embedded log."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ordertrail_server.log.call_arguments import check_partition, check_range
from ordertrail_server.log.embedded.file import LOG_FILE, read_description
from ordertrail_server.log.embedded.read_only import ReadOnlyReaders, is_readable_in_place, refuse_unreadable
from ordertrail_server.log.embedded.records import read_end, read_failure, read_records, refuse_stray_records
from ordertrail_server.log.port import AppendLog, Capabilities, Entry, Logged, LogUnavailable
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.lock import DataDirectoryRefused
from ordertrail_server.storage.read_pool import ReadPool
from ordertrail_server.storage.sqlite import sqlite3

POLL_SECONDS = 0.02
CONNECTIONS = 2


class EmbeddedFollower:
    """Reads and follows the log in a data directory that another process may be serving.

    It also reads a log of an older format, and leaves it as it is. Raises DataDirectoryRefused if there is no log,
    LogRefused if its format is newer than this release, LogDamaged if the file is not a log, LogUnavailable.
    """

    capabilities = Capabilities()
    commands: AppendLog | None = None

    def __init__(self, directory: Path) -> None:
        path = directory / LOG_FILE
        self._closed = False
        with ExitStack() as stack:
            try:
                self._open(path, stack)
            except sqlite3.Error as error:
                raise read_failure(error, f"({path})") from error
            self._stack = stack.pop_all()

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the offset that the partition's next record will get."""
        self._check(partition)
        return await self._readers.run(read_end, partition)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Raise PermissionError: only the process that serves the data directory appends."""
        raise PermissionError("this process follows the log; only the one that serves the data directory appends")

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records (at least 1) from `offset` on, each one verified."""
        self._check(partition)
        check_range(offset, limit)
        return await self._readers.run(read_records, partition, offset, limit, self.partitions)

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return `offset`: an embedded log has no gaps."""
        return offset

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end is above `offset`. Polls every 20 ms."""
        while await self.end(partition) <= offset:  # noqa: ASYNC110 (another process appends)
            await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """Finish running calls, and release all resources. Later calls raise LogUnavailable."""
        self._closed = True
        await asyncio.to_thread(self._stack.close)

    def _open(self, path: Path, stack: ExitStack) -> None:
        require_log(path)
        self._readers: ReadPool | ReadOnlyReaders
        if is_readable_in_place(path):
            pool = stack.enter_context(ReadPool("reader", CONNECTIONS, partial(connect_reader, path)))
            pool.connect_all()
            self._readers = pool
        else:
            self._readers = stack.enter_context(ReadOnlyReaders(path))
        self.identity, self.partitions, self.topic, _ = self._readers.run_blocking(read_description)
        self._readers.run_blocking(refuse_stray_records, self.partitions)

    def _check(self, partition: int) -> None:
        if self._closed:
            raise LogUnavailable("the log is closed")
        check_partition(partition, self.partitions)


def require_log(path: Path) -> None:
    """Raise DataDirectoryRefused if there is no log at this path, or this process may not read it."""
    refuse_unreadable(path)
    if not path.exists():
        raise DataDirectoryRefused(f"{path.parent} holds no log ({path.name}).")
