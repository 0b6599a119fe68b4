"""Checks that a log still holds all records from which the derived stores of a data directory were folded.

Every store records its log's identity and, for each partition, the last record that it folded. A store of another
definition, as from an earlier release, is not used, but what it recorded about the log is still true.
"""

import logging
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.log.continuity import check_continues, describe_partition_mismatch
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log, LogDamaged
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.lock import DataDirectoryRefused
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage, primary_code

_log = logging.getLogger(__name__)

# The queries for the log id and the positions, by shape of the store. A released shape is never removed.
SHAPES = (
    (
        "SELECT value FROM ordertrail_meta WHERE key = 'log_id'",
        "SELECT partition, next_offset, digest FROM ordertrail_positions",
    ),
    ("SELECT log_id FROM meta", "SELECT partition, position, digest FROM positions"),
    ("SELECT value FROM meta WHERE key = 'log_id'", "SELECT partition, next_offset, digest FROM positions"),
)


class FoldedPositions(NamedTuple):
    """A store's log id and, for each partition, its next offset and the digest of the record before it."""

    log_id: bytes
    positions: list[tuple[int, int, bytes]]


async def refuse_lost_facts(log: Log, data: DataDirectory) -> list[Path]:
    """Raise unless the log holds every record from which the directory's derived stores were folded. Writes nothing.

    A store that is damaged or empty is skipped; it will be folded again. Returns the damaged ones. Raises
    DataDirectoryRefused for a store of another log or one that cannot be read for now, LogDamaged, LogUnavailable.
    """
    damaged = []
    for path in data.derived_stores():
        try:
            folded = read_folded_positions(path, data.is_checked(path))
        except sqlite3.DatabaseError as error:
            _log.warning("%s is damaged (%s), so the log is not compared with it", path, error)
            damaged.append(path)
            continue
        if folded is not None:
            await compare_store(log, path.relative_to(data.path).as_posix(), folded)
    return damaged


async def compare_store(log: Log, name: str, folded: FoldedPositions) -> None:
    """Raise unless the log is the one from which a store was folded, and still holds all that it folded.

    Raises DataDirectoryRefused for another log, LogDamaged, LogUnavailable.
    """
    if folded.log_id != log.identity:
        raise DataDirectoryRefused(
            f"{name} was built from another log; restore the log that it was built from, or move the file away to "
            "build it from this one"
        )
    if len(folded.positions) != log.partitions:
        raise DataDirectoryRefused(describe_partition_mismatch(name, len(folded.positions), log))
    for partition, next_offset, digest in folded.positions:
        try:
            await check_continues(log, partition, next_offset, digest)
        except LogDamaged as damage:
            raise LogDamaged(
                f"{name} is ahead of the log: {damage}; restore the newest log, or, to give up the missing facts, "
                "serve this log from an empty directory"
            ) from None


def read_folded_positions(path: Path, is_checked: bool) -> FoldedPositions | None:
    """Return what a store folded, None if it is empty.

    Raises sqlite3.DatabaseError if it is damaged, DataDirectoryRefused if it cannot be read for now.
    """
    connect = connect_checked_reader if is_checked else connect_reader
    try:
        with closing(connect(path)) as connection:
            return next(filter(None, (_read_shape(connection, *shape) for shape in SHAPES)), None)
    except sqlite3.Error as error:
        if is_damage(error):
            raise
        raise DataDirectoryRefused(
            f"{path} cannot be compared with the log for now ({error}): make it readable, or move it away"
        ) from error


def _read_shape(connection: sqlite3.Connection, identity: str, positions: str) -> FoldedPositions | None:
    try:
        row = connection.execute(identity).fetchone()
        return None if row is None else FoldedPositions(row[0], connection.execute(positions).fetchall())
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_ERROR:  # a table or a column is missing
            return None
        raise
