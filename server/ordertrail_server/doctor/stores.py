"""Checks that each projection was folded from this log, and that the log still holds all that it folded."""

from collections.abc import AsyncIterator
from pathlib import Path

from ordertrail_server.doctor.finding import Finding, error, ok, warning
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.derived_stores import FoldedPositions, compare_store, read_folded_positions
from ordertrail_server.log.port import Log, LogDamaged
from ordertrail_server.storage.lock import DataDirectoryRefused
from ordertrail_server.storage.sqlite import sqlite3

IDENTITY, POSITIONS, STORES = "identity", "positions", "projections"
MANY = 100_000
"""A projection that lacks so many records makes calls wait after a start."""


async def check_stores(log: Log, data: DataDirectory) -> AsyncIterator[Finding]:
    """Yield a finding about each projection's file. Raises LogUnavailable."""
    for path in data.derived_stores():
        yield await _check_store(log, data, path)


async def _check_store(log: Log, data: DataDirectory, path: Path) -> Finding:
    name = path.relative_to(data.path).as_posix()
    try:
        folded = read_folded_positions(path, data.is_checked(path))
    except sqlite3.DatabaseError as damage:
        fix = "A running server builds it again by itself; otherwise start one. Check the disk."
        return error(STORES, f"{name} is damaged: {damage}.", fix)
    except DataDirectoryRefused as refusal:
        return error(STORES, f"{refusal}.", "Run doctor as the user that serves the directory.")
    if folded is None:
        return ok(STORES, f"{name} is empty, and will be folded from the log.")
    return await _compare(log, name, folded)


async def _compare(log: Log, name: str, folded: FoldedPositions) -> Finding:
    try:
        await compare_store(log, name, folded)
    except DataDirectoryRefused as refusal:
        fix = "Restore the log that it was built from, or move the file away to build it from this log."
        return error(IDENTITY, f"{refusal}.", fix)
    except LogDamaged as damage:
        return error(POSITIONS, f"{damage}.", "Restore the newest backup of the log, and check the disk.")
    position = sum(next_offset for _, next_offset, _ in folded.positions)
    end = sum([await log.end(partition) for partition in range(log.partitions)])
    return _describe_lag(name, position, end)


def _describe_lag(name: str, position: int, end: int) -> Finding:
    text = f"{name} includes {position:,} of {end:,} records of this log."
    if end - position < MANY:
        return ok(POSITIONS, text)
    fix = "Start the server, which folds the rest. Drop generations of earlier releases: ordertrail projections drop."
    return warning(POSITIONS, text, fix)
