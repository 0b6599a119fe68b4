"""The one writer of an embedded log's file. All of it runs in one thread."""

from collections.abc import Sequence
from pathlib import Path

from ordertrail_server.log.embedded.file import read_description
from ordertrail_server.log.embedded.migration import migrate
from ordertrail_server.log.embedded.records import Table, check_end, read_end, refuse_stray_records
from ordertrail_server.log.port import AppendUncertain, Entry, LogUnavailable
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.bulk_insert import insert_rows
from ordertrail_server.storage.checkpoint import checkpoint
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import primary_code
from ordertrail_server.storage.transaction import transaction
from ordertrail_server.storage.wal_trimmer import WalTrimmer

# How long the opening of a log waits for a reader before it fails, so that the caller can retry.
OPENING_SECONDS = 0.1


class Appender:
    """Appends batches, each in one transaction, and tracks the ends of the partitions.

    `known_ends` are the ends by table and partition; None after a failure, until `ends` has read them from the file
    again.
    """

    def __init__(self, path: Path) -> None:
        self.known_ends: dict[Table, list[int]] | None = None
        self._connection = connect_writer(path, "FULL")
        self._trimmer = WalTrimmer(self._connection, path)
        try:
            # After a failed fsync the page cache may show data that is not on the disk. Therefore everything that was
            # recovered from the write-ahead log is written again before the first append.
            checkpoint(self._connection, OPENING_SECONDS)
            description = read_description(self._connection)
            self._partitions = description.partitions
            self._check_ends(Table.RECORDS)
            migrate(self._connection, description.format)
            refuse_stray_records(self._connection, self._partitions, Table.COMMANDS)
            self._check_ends(Table.COMMANDS)
            self.ends()
        except BaseException:
            self.close()
            raise

    def ends(self) -> dict[Table, list[int]]:
        """Return the end of each partition, by table. Raises LogDamaged, LogUnavailable."""
        if self.known_ends is None:
            partitions = range(self._partitions)
            self.known_ends = {
                table: [read_end(self._connection, partition, table) for partition in partitions] for table in Table
            }
        return self.known_ends

    def append(self, table: Table, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries to a table, all or none, durably. Raises AppendUncertain, LogUnavailable."""
        ends = self.ends()[table]
        first = ends[partition]
        is_inserted = False
        try:
            with transaction(self._connection):
                self._insert(table, LogPosition(partition, first).pack(), entries)
                is_inserted = True
        except BaseException as error:
            self.known_ends = None
            if isinstance(error, sqlite3.Error):
                raise _append_failure(error, is_inserted) from error
            raise
        ends[partition] = end = first + len(entries)
        return list(range(first, end))

    def trim(self) -> None:
        """Truncate a -wal file that grew during a long read, but not after a failed commit.

        SQLite's next commit overwrites the frames of the failed one, while a new connection might recover them from a
        page cache that the disk never got. Therefore the connection also stays open."""
        if self.known_ends is not None:
            self._trimmer.trim()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _check_ends(self, table: Table) -> None:
        for partition in range(self._partitions):
            check_end(self._connection, partition, self._partitions, table)

    def _insert(self, table: Table, first: int, entries: Sequence[Entry]) -> None:
        rows = [(place, key, value, digest(value)) for place, (key, value) in enumerate(entries, first)]
        insert_rows(self._connection, f"INSERT INTO {table}", rows)


def _append_failure(error: sqlite3.Error, is_inserted: bool) -> LogUnavailable | AppendUncertain:
    # On a full disk the commit's last frame is incomplete, so no recovery will ever apply it.
    if not is_inserted or primary_code(error) == sqlite3.SQLITE_FULL:
        return LogUnavailable(f"nothing was appended: {error}")
    return AppendUncertain(f"the commit failed, and its records may appear after a restart: {error}")
