"""The embedded log: one SQLite file in a data directory, one process that writes, any number that follow."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from ordertrail_server.log.embedded.appender import Appender
from ordertrail_server.log.embedded.file import create_file
from ordertrail_server.log.embedded.follower import EmbeddedFollower, require_log
from ordertrail_server.log.embedded.records import Table
from ordertrail_server.log.embedded.served_table import ServedTable
from ordertrail_server.log.lineage import Lineage
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

    async def trim_wal_regularly(self) -> None:
        """Truncate the -wal file regularly, because a long read lets it grow. Never returns."""
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._appender.trim)

    def _open(self, path: Path, stack: ExitStack) -> None:
        (self._lock or DirectoryLock(stack)).acquire(path.parent)
        if self._begin_with is not None:
            create_file(path.parent, self._begin_with)
        require_log(path)
        self._appender = stack.enter_context(closing(Appender(path)))
        self._thread = stack.enter_context(ThreadPoolExecutor(1, "append"))
        super()._open(path, stack)  # closed before the appender, whose closing then tidies the file

    def _open_table(self, table: Table, lineage: Lineage, topic: str) -> ServedTable:
        return ServedTable(table, lineage, topic, self._readers, appender=self._appender, thread=self._thread)
