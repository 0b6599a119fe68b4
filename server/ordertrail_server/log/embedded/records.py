"""Reads and verifies the records and the submitted commands of an embedded log's file: two tables of one form."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import cast

from ordertrail_server.log.embedded.record_key import belongs
from ordertrail_server.log.port import LogDamaged, Logged, LogInUse, LogUnavailable
from ordertrail_server.log.position import OFFSETS, LogPosition, first_packed
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.descriptors import describe_shortage, lacks_descriptors
from ordertrail_server.storage.row_limit import LAST_LIMIT
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import FILES_OF_A_CONNECTION, is_damage, is_in_use, primary_code

READ = f"""SELECT position - ?, key, value, digest FROM {{table}}
WHERE position >= ? AND position < ? ORDER BY position {LAST_LIMIT}"""
STRAY_RECORDS = (
    "SELECT EXISTS (SELECT 1 FROM {table} WHERE position < 0), EXISTS (SELECT 1 FROM {table} WHERE position >= ?)"
)


class Table(StrEnum):
    """A table of messages in the file of a log."""

    RECORDS = "records"
    COMMANDS = "commands"


# NamedTuple's own constructor costs three times as much, once for every record read.
_logged = cast("Callable[[tuple[int, str, bytes, bytes]], Logged]", partial(tuple.__new__, Logged))


def read_end(connection: sqlite3.Connection, partition: int, table: Table = Table.RECORDS) -> int:
    """Return the offset that the partition's next message will get. Raises LogDamaged, LogUnavailable."""
    try:
        (last,) = connection.execute(
            f"SELECT max(position) FROM {table} WHERE position >= ? AND position < ?",
            (first_packed(partition), first_packed(partition + 1)),
        ).fetchone()
    except sqlite3.Error as error:
        raise read_failure(error, f"in partition {partition}") from error
    return 0 if last is None else LogPosition.unpack(last).offset + 1


def refuse_stray_records(connection: sqlite3.Connection, partitions: int, table: Table = Table.RECORDS) -> None:
    """Raise LogDamaged if a record is outside of the log's partitions, where no read finds it, LogUnavailable."""
    try:
        (before, after) = connection.execute(STRAY_RECORDS.format(table=table), (first_packed(partitions),)).fetchone()
    except sqlite3.Error as error:
        raise read_failure(error, "at its first or last record") from error
    if before or after:
        raise LogDamaged("the log is damaged: a record is stored outside of its partitions")


def check_end(connection: sqlite3.Connection, partition: int, partitions: int, table: Table = Table.RECORDS) -> None:
    """Raise LogDamaged if the last records of a partition are not what was appended, LogUnavailable.

    Otherwise the next append would go to a wrong position. For the writer, while no append runs.
    """
    end = read_end(connection, partition, table)
    begin = max(end - 2, 0)
    if begin + len(read_records(connection, partition, begin, end - begin + 1, partitions, table)) != end:
        raise LogDamaged(f"partition {partition} seems to end at offset {end}, but records follow there")


def read_records(
    connection: sqlite3.Connection,
    partition: int,
    offset: int,
    limit: int,
    partitions: int,
    table: Table = Table.RECORDS,
) -> list[Logged]:
    """Return up to `limit` records from `offset` on, each one verified. Raises LogDamaged, LogUnavailable.

    `partitions` is the log's number of partitions.
    """
    end = read_end(connection, partition, table)
    begin, partition_end = first_packed(partition), first_packed(partition + 1)
    try:
        bounds = (begin, begin + min(offset, OFFSETS), partition_end, limit)
        rows = connection.execute(READ.format(table=table), bounds).fetchall()
    except sqlite3.Error as error:
        raise read_failure(error, f"at or after partition {partition}, offset {offset}") from error
    records = list(map(_logged, rows))
    _verify(records, partition, offset, partitions)
    # A changed position may also hide the records after it.
    if len(records) < limit and (following := offset + len(records)) < end:
        raise LogDamaged(f"the record at partition {partition}, offset {following} is missing")
    return records


def read_failure(error: sqlite3.Error, where: str) -> LogDamaged | LogUnavailable:
    """Return the log's error for an error of SQLite during a read."""
    # The statements are fixed. If SQLite rejects one, the schema is not the one that was created.
    if is_damage(error) or primary_code(error) == sqlite3.SQLITE_ERROR:
        # SQLite's message may quote several lines of the schema.
        return LogDamaged(f"the log is damaged {where}: {' '.join(str(error).split())}")
    if is_in_use(error):
        return LogInUse(f"another process keeps the file of the log open ({error})")
    return LogUnavailable(
        f"the log could not be read: {describe_shortage() if lacks_descriptors(FILES_OF_A_CONNECTION) else error}"
    )


def _verify(records: list[Logged], partition: int, first_offset: int, partitions: int) -> None:
    """Raise LogDamaged unless every column of every record is what an append stored."""
    for expected, (offset, key, value, stored) in enumerate(records, first_offset):
        if offset != expected:
            raise LogDamaged(f"the record at partition {partition}, offset {expected} is missing")
        # A flipped bit may also have changed the type of a column.
        if not isinstance(value, bytes) or digest(value) != stored:
            raise LogDamaged(f"the record at partition {partition}, offset {offset} is not what was appended")
        if not isinstance(key, str) or not belongs(key, value, partition, partitions):
            raise LogDamaged(
                f"the record at partition {partition}, offset {offset} is stored under the key {key!r}, which is not "
                "the id of its order, or its order belongs to another partition"
            )
