"""The file of one projection: its tables, and those that the engine keeps in every file.

Every file states how far it is folded and accounts for every message up to there, so it can be compared with the log
without the code that filled it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ordertrail_server.log.continuity import check_continues, describe_partition_mismatch
from ordertrail_server.log.port import Log
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.projection_error import PositionMoved, ProjectionRefused
from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_writer
from ordertrail_server.storage.checked.error import FileRemoved
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.transaction import transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

HAS_TABLES = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'ordertrail_positions'"
POSITIONS = "SELECT partition, next_offset, digest, retries FROM ordertrail_positions ORDER BY partition"
MOVE = """UPDATE ordertrail_positions SET next_offset = ?, digest = ?, retries = ?
WHERE partition = ? AND next_offset = ? AND retries = ?"""
MARK_COMPLETE = """INSERT OR IGNORE INTO ordertrail_meta
SELECT 'definition', value FROM ordertrail_meta WHERE key = 'built_by'"""
IS_COMPLETE = "SELECT count(*) FROM ordertrail_meta WHERE key = 'definition'"
COUNT = """INSERT INTO ordertrail_verdicts VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count"""
WAIT = "INSERT INTO ordertrail_waiting VALUES (?, ?, ?)"


CreateTables = Callable[["Database"], None]


class StoredPosition(NamedTuple):
    """The stored position of a partition."""

    next_offset: int
    digest: bytes
    retries: int


class ProjectionFile:
    """One projection's file, and its only writing connection. `positions` are the committed ones, by partition."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self.path, self.connection = path, connection
        self._inode = path.stat().st_ino
        self._checkpoints = CheckedCheckpoints(connection, path)
        self.positions = {partition: StoredPosition(*stored) for partition, *stored in connection.execute(POSITIONS)}

    @contextmanager
    def moving(self, partition: int, to: StoredPosition) -> Iterator[None]:
        """Move the position by compare-and-set, in one transaction with the body's writes.

        Raises PositionMoved if another process has moved it.
        """
        stored = self.positions[partition]
        with transaction(self.connection):
            arguments = (*to, partition, stored.next_offset, stored.retries)
            if self.connection.execute(MOVE, arguments).rowcount != 1:
                raise PositionMoved(f"partition {partition} of {self.path.name} is no longer at {stored.next_offset}")
            yield
        self.positions[partition] = to
        self._checkpoints.run_if_due()

    def is_complete(self) -> bool:
        """Return whether the file was once marked as complete, so it has indexes."""
        return bool(self.connection.execute(IS_COMPLETE).fetchone()[0])

    def mark_complete(self) -> None:
        """Stamp the file with its definition: it was folded from the first record to near the end, and has indexes."""
        with transaction(self.connection):
            self.connection.execute(MARK_COMPLETE)

    def trim(self) -> None:
        """Move the -wal file into the file if it is long or old enough. Raises WalDamaged, FileRemoved."""
        self._refuse_removed()
        self._checkpoints.run_if_due()

    def _refuse_removed(self) -> None:
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            inode = None
        if inode != self._inode:
            raise FileRemoved(self.path)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


async def open_projection_file(path: Path, log: Log, definition: bytes, create: CreateTables) -> ProjectionFile:
    """Open a projection's file for its one writer; create it at offset 0 if it does not exist.

    `create` creates the tables of the projection, within the transaction that creates the file's. Raises
    sqlite3.DatabaseError if the file is damaged (`find_damaged_file`), ProjectionRefused if it belongs to another log
    or definition, LogDamaged if the log does not continue at the file's position.
    """
    create_directory(path.parent)
    # Less than FULL: transactions that a power cut undoes are folded again from the log.
    connection = connect_checked_writer(path, "NORMAL")
    try:
        _create_tables_if_new(connection, log, definition, create)
        _refuse_foreign_file(connection, path, log, definition)
        file = ProjectionFile(path, connection)
        if len(file.positions) != log.partitions:
            raise ProjectionRefused(describe_partition_mismatch(path.name, len(file.positions), log))
        for partition, stored in file.positions.items():
            await check_continues(log, partition, stored.next_offset, stored.digest)
    except BaseException:
        connection.close()
        raise
    return file


def write_base_rows(connection: Connection, batch: Batch) -> None:
    """Account for the messages of a batch, inside the caller's transaction."""
    waiting = [(batch.position_of(fact.logged.offset), fact.logged.key, fact.reason) for fact in batch.waiting]
    if waiting:
        connection.executemany(WAIT, waiting)
    counts = Counter(judged.verdict.value for _, judged in batch.non_facts)
    counts["fact"] = len(batch.facts) + len(batch.waiting)
    connection.executemany(COUNT, [(batch.partition, verdict, count) for verdict, count in counts.items() if count])


def _create_tables_if_new(connection: Connection, log: Log, definition: bytes, create: CreateTables) -> None:
    with transaction(connection):
        if not connection.execute(HAS_TABLES).fetchone()[0]:
            # Processes that find or only read these files do without sqlite-utils.
            from ordertrail_server.projections.base_tables import create_base_tables
            from ordertrail_server.projections.wrapped_connection import wrap_connection

            database = wrap_connection(connection)
            create_base_tables(database, log.identity, definition, log.partitions)
            create(database)


def _refuse_foreign_file(connection: Connection, path: Path, log: Log, definition: bytes) -> None:
    meta = dict(connection.execute("SELECT key, value FROM ordertrail_meta").fetchall())
    if meta.get("log_id") != log.identity:
        raise ProjectionRefused(
            f"{path.name} was built from another log; restore the log that it was built from, "
            "or move the file away to build it from this one"
        )
    if meta.get("built_by") != definition:
        raise ProjectionRefused(f"{path.name} was built by other code than its name states; move the file away")
