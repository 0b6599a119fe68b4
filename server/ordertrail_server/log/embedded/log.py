"""The embedded log: one SQLite file in a data directory, one process that writes, any number that follow."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from ordertrail_server.log.embedded.appender import Appender
from ordertrail_server.log.embedded.file import create_file
from ordertrail_server.log.embedded.follower import EmbeddedFollower, require_log
from ordertrail_server.log.embedded.records import Table
from ordertrail_server.log.embedded.served_table import ServedTable
from ordertrail_server.log.port import Entry
from ordertrail_server.log.topic_name import ORDER_COMMANDS
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.lock import DirectoryLock
from ordertrail_server.storage.wal_trimmer import TRIM_SECONDS


class EmbeddedLog(EmbeddedFollower):
    """The log of the process that serves a data directory, for as long as it holds the directory's lock.

    `create` and `open` raise DataDirectoryBusy if another process holds it. The log releases the lock when it is
    closed or cannot be opened, unless the caller passes a `lock`, which then outlasts the log.
    """

    def __init__(self, directory: Path, *, begin_with: int | None = None, lock: DirectoryLock | None = None) -> None:
        self._begin_with = begin_with
        self._lock = lock
        super().__init__(directory)

    @classmethod
    def create(cls, directory: Path, *, partitions: int = 1, lock: DirectoryLock | None = None) -> Self:
        """Create a log in an existing directory, and open it. Raises FileExistsError if there is one."""
        return cls(directory, begin_with=partitions, lock=lock)

    @classmethod
    def open(cls, directory: Path, *, lock: DirectoryLock | None = None) -> Self:
        """Open the log of a directory to append and read. Migrates a log of an older format."""
        return cls(directory, lock=lock)

    @staticmethod
    def follow(directory: Path) -> EmbeddedFollower:
        """Open the log of a directory read-only, beside the process that serves it."""
        return EmbeddedFollower(directory)

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the offset that the partition's next record will get."""
        return await self._records.end(partition)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries, all or none. Cancelling does not stop an append that has begun."""
        return await self._records.append(partition, entries)

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end is above `offset`."""
        await self._records.wait(partition, offset)

    async def trim_wal_regularly(self) -> None:
        """Truncate the -wal file regularly, because a long read lets it grow. Never returns."""
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._appender.trim)

    async def close(self) -> None:
        """Finish running calls, and release all resources. Waiters get LogUnavailable."""
        for table in (self._records, self.commands):
            await table.close()
        await super().close()

    def _open(self, path: Path, stack: ExitStack) -> None:
        (self._lock or DirectoryLock(stack)).acquire(path.parent)
        if self._begin_with is not None:
            create_file(path.parent, self._begin_with)
        require_log(path)
        self._appender = stack.enter_context(closing(Appender(path)))
        super()._open(path, stack)  # closed before the appender, whose closing then tidies the file
        self._thread = stack.enter_context(ThreadPoolExecutor(1, "append"))
        parts = (self._appender, self._thread, self._readers, self.partitions)
        self._records = ServedTable(Table.RECORDS, self.identity, self.topic, *parts)
        identity = digest(self.identity + Table.COMMANDS.encode())
        self.commands: ServedTable = ServedTable(Table.COMMANDS, identity, ORDER_COMMANDS, *parts)
