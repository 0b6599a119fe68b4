"""A reader and follower of an embedded log."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ordertrail_server.log.embedded.file import LOG_FILE, read_description
from ordertrail_server.log.embedded.followed_table import FollowedTable
from ordertrail_server.log.embedded.predecessors import read_lineages
from ordertrail_server.log.embedded.read_only import ReadOnlyReaders, is_readable_in_place, refuse_unreadable
from ordertrail_server.log.embedded.records import Table, read_failure, refuse_stray_records
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.port import Capabilities, Entry, Logged
from ordertrail_server.log.topic_name import ORDER_COMMANDS
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.lock import DataDirectoryRefused
from ordertrail_server.storage.read_pool import ReadPool
from ordertrail_server.storage.sqlite import sqlite3

CONNECTIONS = 2


class EmbeddedFollower:
    """Reads and follows the log in a data directory that another process may be serving.

    It also reads a log of an older format, and leaves it as it is. Raises DataDirectoryRefused if there is no log,
    LogRefused if its format is newer than this release, LogDamaged if the file is not a log, LogUnavailable.
    """

    capabilities = Capabilities()

    def __init__(self, directory: Path) -> None:
        path = directory / LOG_FILE
        with ExitStack() as stack:
            try:
                self._open(path, stack)
            except sqlite3.Error as error:
                raise read_failure(error, f"({path})") from error
            self._stack = stack.pop_all()

    @property
    def commands(self) -> FollowedTable | None:
        """The log of submitted commands; None for a file of format 1."""
        return self._commands

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the offset that the partition's next record will get."""
        return await self._records.end(partition)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries, all or none, if this process serves the data directory; else raise PermissionError.

        Cancelling does not stop an append that has begun.
        """
        return await self._records.append(partition, entries)

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records (at least 1) from `offset` on, each one verified."""
        return await self._records.read(partition, offset, limit)

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return `offset`: an embedded log has no gaps."""
        return offset

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end is above `offset`."""
        await self._records.wait(partition, offset)

    async def close(self) -> None:
        """Finish running calls, and release all resources. Later calls raise LogUnavailable, as do those that wait."""
        for table in filter(None, (self._records, self._commands)):
            await table.close()
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
        self.identity, self.partitions, self.topic, file_format = self._readers.run_blocking(read_description)
        self._readers.run_blocking(refuse_stray_records, self.partitions)
        self.lineage, commands_lineage = self._readers.run_blocking(read_lineages)
        self._records = self._open_table(Table.RECORDS, self.lineage, self.topic)
        commands = self._open_table(Table.COMMANDS, commands_lineage, ORDER_COMMANDS)
        self._commands = commands if file_format > 1 else None

    def _open_table(self, table: Table, lineage: Lineage, topic: str) -> FollowedTable:
        return FollowedTable(table, lineage, topic, self._readers)


def require_log(path: Path) -> None:
    """Raise DataDirectoryRefused if there is no log at this path, or this process may not read it."""
    refuse_unreadable(path)
    if not path.exists():
        raise DataDirectoryRefused(f"{path.parent} holds no log ({path.name}).")
