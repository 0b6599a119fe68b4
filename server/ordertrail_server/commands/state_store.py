"""The snapshot of the write side's fold: one SQLite file with states, facts and the position of each partition.

It may lag behind the log, which is the source of truth. If it is deleted, it is folded again from the log.
"""

import logging
from pathlib import Path
from typing import Any

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.commands.fact import Fact
from ordertrail_server.commands.fold import Snapshot, StoreDamaged, StoreUnavailable
from ordertrail_server.log.continuity import describe_partition_mismatch
from ordertrail_server.log.port import Log, LogDamaged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.schema.definition import definition_of
from ordertrail_server.storage.bulk_insert import insert_rows
from ordertrail_server.storage.connection import connect_reader, connect_writer
from ordertrail_server.storage.database_file import remove_database
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage, primary_code
from ordertrail_server.storage.transaction import execute_statements, transaction
from ordertrail_server.storage.wal_trimmer import WalTrimmer

_log = logging.getLogger(__name__)

DDL = """
CREATE TABLE meta (log_id BLOB NOT NULL, definition BLOB NOT NULL) STRICT;
CREATE TABLE positions (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, digest BLOB NOT NULL) STRICT;
CREATE TABLE orders (
  order_id TEXT PRIMARY KEY, version INTEGER NOT NULL, head BLOB NOT NULL, parked TEXT NOT NULL, state BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE facts (
  order_id TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, request_id TEXT NOT NULL,
  command_digest BLOB NOT NULL, position INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (order_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts ON facts (order_id, request_id);
CREATE TABLE broken (order_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (order_id, position)) STRICT;
"""


# The files of this package that determine rows.
SOURCES = ("commands/fact.py", "commands/fold.py", "commands/retry.py", "commands/state_store.py")


def state_definition() -> bytes:
    """Return the digest (32 bytes) of the code that fills the state store."""
    return definition_of(*SOURCES)


class StateStore:
    """Holds orders and facts of all partitions. Reads belong to the event loop, `save` to one other thread."""

    def __init__(self, path: Path, log: Log, definition: bytes) -> None:
        """Open or create the file. A file of another definition is replaced; one of another log raises LogDamaged."""
        self._path, self._damaged = path, False
        if not _usable(path, log, definition):
            remove_database(path)
        self._writer = connect_writer(path, "NORMAL")
        if not self._writer.execute("SELECT 1 FROM sqlite_master").fetchone():
            with transaction(self._writer):
                execute_statements(self._writer, DDL)
                self._writer.execute("INSERT INTO meta VALUES (?, ?)", (log.identity, definition))
                positions = [(partition, 0, b"") for partition in range(log.partitions)]
                insert_rows(self._writer, "INSERT INTO positions", positions)
        self._reader = connect_reader(path)
        self._trimmer = WalTrimmer(self._writer, path)

    def close(self) -> None:
        """Close the file without a save. A damaged file is removed, so that the next start folds it again."""
        self._reader.close()
        self._writer.close()
        if self._damaged:
            remove_database(self._path)

    def position(self, partition: int) -> tuple[int, bytes]:
        """Return the next offset to fold and the digest of the last folded record; (0, b"") before the first one."""
        [(position, digest)] = self._fetch_all("SELECT position, digest FROM positions WHERE partition = ?", partition)
        return position, digest

    def aggregate(self, order_id: str) -> Aggregate | None:
        """Return an order as of the stored position, or None if the order did not exist there."""
        row = self._fetch_one("SELECT state, version, head, parked FROM orders WHERE order_id = ?", order_id)
        if row is None:
            return None
        state, *chain_columns = row
        return Aggregate(None if state is None else Order.FromString(state), *chain_columns)

    def receipt(self, order_id: str, request_id: str) -> Fact | None:
        """Return the fact that a request led to, or None."""
        # Without INDEXED BY, SQLite would scan all facts of the order, because they are already sorted by version.
        row = self._fetch_one(
            "SELECT version, digest, request_id, command_digest, position, time FROM facts INDEXED BY receipts"
            " WHERE order_id = ? AND request_id = ? ORDER BY version LIMIT 1",
            order_id,
            request_id,
        )
        return None if row is None else Fact(*row)

    def digest_of(self, order_id: str, version: int) -> bytes | None:
        """Return the digest of the order's fact with this version, or None."""
        row = self._fetch_one("SELECT digest FROM facts WHERE order_id = ? AND version = ?", order_id, version)
        return None if row is None else row[0]

    def offsets_after(self, order_id: str, version: int) -> list[int]:
        """Return the offsets of an order's facts after a version, and of the records that broke its chain."""
        facts = self._fetch_all("SELECT position FROM facts WHERE order_id = ? AND version > ?", order_id, version)
        broken = self._fetch_all("SELECT position FROM broken WHERE order_id = ?", order_id)
        return [offset for (offset,) in facts + broken]

    def _fetch_one(self, query: str, *values: str | int) -> tuple[Any, ...] | None:
        try:
            return self._reader.execute(query, values).fetchone()  # type: ignore[no-any-return]  # pysqlite3 has no types
        except sqlite3.DatabaseError as error:
            raise self._why_unreadable(error) from error

    def _fetch_all(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        try:
            return self._reader.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._why_unreadable(error) from error

    def _why_unreadable(self, error: sqlite3.Error) -> StoreDamaged | StoreUnavailable:
        if not is_damage(error):
            return StoreUnavailable(f"{self._path.name} cannot be read for now: {error}")
        self._damaged = True
        return StoreDamaged(
            f"{self._path.name} cannot be read ({error}); restart the server to fold it again from the log"
        )

    def trim(self) -> None:
        """Truncate a -wal file that grew during a long read. Call it in the thread that saves."""
        self._trimmer.trim()

    def save(self, partition: int, snapshot: Snapshot) -> None:
        """Store what was folded since the last save, and the position, in one transaction."""
        orders = [
            (
                order_id,
                aggregate.version,
                aggregate.head,
                aggregate.parked,
                aggregate.order and aggregate.order.SerializeToString(),
            )
            for order_id, aggregate in snapshot.orders.items()
        ]
        facts = [(order_id, *fact) for order_id, fact in snapshot.facts]
        corrected = [(order_id, *fact) for order_id, fact in snapshot.corrected]
        with transaction(self._writer):
            insert_rows(self._writer, "INSERT OR REPLACE INTO orders", orders)
            insert_rows(self._writer, "INSERT INTO facts", facts)
            insert_rows(self._writer, "INSERT OR REPLACE INTO facts", corrected)
            insert_rows(self._writer, "INSERT INTO broken", snapshot.broken)
            reached = (partition, snapshot.position, snapshot.digest)
            self._writer.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", reached)


def _usable(path: Path, log: Log, definition: bytes) -> bool:
    if not path.exists():
        return True
    try:
        reader = connect_reader(path)
        try:
            stored = reader.execute("SELECT log_id, definition, (SELECT count(*) FROM positions) FROM meta").fetchone()
        finally:
            reader.close()
    except sqlite3.DatabaseError as error:
        # SQLITE_ERROR: a table or column is missing, so the file is from another release.
        if not is_damage(error) and primary_code(error) != sqlite3.SQLITE_ERROR:
            raise
        _log.warning("the state store cannot be read (%s) and is folded again from the log", error)
        return False
    if stored is None:
        return False
    log_id, folded_by, partitions = stored
    if log_id != log.identity:
        raise LogDamaged(f"{path.name} belongs to another log; restore that log, or use an empty directory")
    if folded_by != definition:
        return False
    if partitions != log.partitions:
        raise LogDamaged(describe_partition_mismatch(path.name, partitions, log))
    return True
