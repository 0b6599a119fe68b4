"""Reading the records of an embedded log's file, each one verified."""

from collections.abc import Callable
from functools import partial
from typing import cast

from ordertrail_server.log.port import LogDamaged, Logged, LogInUse, LogUnavailable
from ordertrail_server.log.sqlite import is_damage, is_in_use, sqlite3
from ordertrail_server.orders.chain import digest

OFFSET_BITS = 48
OFFSETS = 1 << OFFSET_BITS

# NamedTuple's own constructor costs three times as much, once for every record read.
_logged = cast("Callable[[tuple[int, str, bytes, bytes]], Logged]", partial(tuple.__new__, Logged))


def position(partition: int, offset: int) -> int:
    """Return where the record of this offset lies in the file."""
    return partition << OFFSET_BITS | offset


def read_end(connection: sqlite3.Connection, partition: int) -> int:
    """Return the offset that the partition's next record will get. Raises LogDamaged, LogUnavailable."""
    try:
        (last,) = connection.execute(
            "SELECT max(position) FROM records WHERE position >= ? AND position < ?",
            (position(partition, 0), position(partition + 1, 0)),
        ).fetchone()
    except sqlite3.Error as error:
        raise unreadable(error, f"in partition {partition}") from error
    return 0 if last is None else int(last) % OFFSETS + 1


def read_records(connection: sqlite3.Connection, partition: int, offset: int, limit: int) -> list[Logged]:
    """Return up to `limit` records from `offset` on. Raises LogDamaged, LogUnavailable."""
    try:
        rows = connection.execute(
            f"SELECT position & {OFFSETS - 1}, key, value, digest FROM records"
            " WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",
            (position(partition, min(offset, OFFSETS)), position(partition + 1, 0), limit),
        ).fetchall()
    except sqlite3.Error as error:
        raise unreadable(error, f"at or after partition {partition}, offset {offset}") from error
    records = list(map(_logged, rows))
    _verify(records, partition, offset)
    return records


def unreadable(error: sqlite3.Error, where: str) -> LogDamaged | LogUnavailable:
    """Return what an error of SQLite while reading means to those who use the log."""
    if is_damage(error):
        return LogDamaged(f"the log is damaged {where}: {error}")
    if is_in_use(error):
        return LogInUse(f"another process keeps the file of the log open ({error})")
    return LogUnavailable(f"the log could not be read: {error}")


def _verify(records: list[Logged], partition: int, offset: int) -> None:
    for expected, (found, _, value, stored) in enumerate(records, offset):
        if found != expected:
            raise LogDamaged(f"the record at partition {partition}, offset {expected} is missing")
        if digest(value) != stored:
            raise LogDamaged(f"the record at partition {partition}, offset {found} is not what was appended")
