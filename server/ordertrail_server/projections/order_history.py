"""Opens the file of the order history, creates it, or refuses it."""

from pathlib import Path

from ordertrail_server.log.continuity import check_continues, describe_partition_mismatch
from ordertrail_server.log.data_directory import create_directory
from ordertrail_server.log.port import Log
from ordertrail_server.projections.definition import definition_digest
from ordertrail_server.projections.order_history_ddl import INDEXED, INDEXES, TABLES
from ordertrail_server.projections.projector_error import ReadModelRefused
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.transaction import transaction

HAS_TABLES = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'positions'"


async def open_order_history(path: Path, log: Log) -> sqlite3.Connection:
    """Return the one writing connection to the read model at `path`, created at offset 0 if it does not exist.

    Raises ReadModelRefused if the file belongs to another log or definition, LogDamaged if the log does not continue at
    the file's position.
    """
    create_directory(path.parent)
    # Less than FULL: transactions that a power cut undoes are folded again from the log.
    connection = connect_writer(path, "NORMAL")
    try:
        _create_tables_if_new(connection, log)
        _refuse_foreign_file(connection, path, log)
        for partition, next_offset, digest in stored_positions(connection):
            await check_continues(log, partition, next_offset, digest)
    except BaseException:
        connection.close()
        raise
    return connection


def stored_positions(connection: sqlite3.Connection) -> list[tuple[int, int, bytes]]:
    """Return partition, next offset and the digest of the last record folded, of every partition."""
    return connection.execute("SELECT partition, next_offset, digest FROM positions ORDER BY partition").fetchall()


def is_indexed(connection: sqlite3.Connection) -> bool:
    """Return whether the secondary indexes exist; they do not while a large log is loaded."""
    return bool(connection.execute(INDEXED).fetchone()[0])


def create_indexes(connection: sqlite3.Connection) -> None:
    """Create the secondary indexes that are missing."""
    for statement in INDEXES:
        connection.execute(statement)


def _create_tables_if_new(connection: sqlite3.Connection, log: Log) -> None:
    with transaction(connection):
        if not _has_tables(connection):
            for statement in TABLES:
                connection.execute(statement)
            meta = [("log_id", log.identity), ("definition", definition_digest())]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            positions = [(partition, 0, b"", 0) for partition in range(log.partitions)]
            connection.executemany("INSERT INTO positions VALUES (?, ?, ?, ?)", positions)


def _refuse_foreign_file(connection: sqlite3.Connection, path: Path, log: Log) -> None:
    _refuse_another_log(connection, path, log)
    if _meta(connection).get("definition") != definition_digest():
        raise ReadModelRefused(f"{path.name} was built by other code than its name states; move the file away")


def _refuse_another_log(connection: sqlite3.Connection, path: Path, log: Log) -> None:
    if _meta(connection).get("log_id") != log.identity:
        raise ReadModelRefused(
            f"{path.name} was built from another log; restore the log that it was built from, "
            "or move the file away to build it from this one"
        )
    partitions = len(stored_positions(connection))
    if partitions != log.partitions:
        raise ReadModelRefused(describe_partition_mismatch(path.name, partitions, log))


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute(HAS_TABLES).fetchone()[0])


def _meta(connection: sqlite3.Connection) -> dict[str, bytes]:
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())
