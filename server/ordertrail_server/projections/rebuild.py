"""The rebuild: folds the log from offset 0 into a new file, which then replaces the live read model.

Generations that are built and compared beside live reads belong here.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.derived_stores import refuse_lost_facts
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.projections.definition import read_model_file
from ordertrail_server.projections.projector import Projector
from ordertrail_server.storage.checkpoint import checkpoint
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.database_file import database_files, fsync_directory, remove_database
from ordertrail_server.storage.sqlite import sqlite3

Progress = Callable[[int, int], None]


class RebuildReport(NamedTuple):
    """The counts of a rebuilt read model. events + not_facts + waiting = records.

    `parked` counts orders and `waiting` their facts, as `ordertrail parked list` does. An order with a broken chain may
    be parked without waiting facts.
    """

    records: int
    orders: int
    events: int
    not_facts: int
    waiting: int
    parked: int


def rebuild(data_dir: Path, progress: Progress) -> RebuildReport:
    """Rebuild the read model of a stopped server, and replace the live one in one step.

    The caller holds the data directory's lock. `progress` gets the records folded and the records of the log. Until
    then it writes a file beside the live one. Raises DataDirectoryRefused, LogDamaged, LogUnavailable, and
    sqlite3.Error, as for a full disk; then the live file is unchanged.
    """
    return asyncio.run(_rebuild(data_dir, progress))


async def _rebuild(data_dir: Path, progress: Progress) -> RebuildReport:
    live_file = read_model_file(DataDirectory(data_dir).read_model)
    new_file = live_file.with_name(f"{live_file.name}.new")
    log = EmbeddedLog.follow(data_dir)
    try:
        await refuse_lost_facts(log, DataDirectory(data_dir))
        remove_database(new_file)
        await _build(log, new_file, progress)
    finally:
        await log.close()
    with closing(connect_writer(new_file, "NORMAL")) as connection:
        counts = _count_rows(connection)
        checkpoint(connection)
    _replace(live_file, new_file)
    return counts


async def _build(log: Log, path: Path, progress: Progress) -> None:
    total = sum([await log.end(partition) for partition in range(log.partitions)])
    with closing(await Projector.open(log, path)) as projector:
        await projector.catch_up(lambda positions: progress(sum(positions.values()), total))


def _count_rows(connection: sqlite3.Connection) -> RebuildReport:
    (records,) = connection.execute("SELECT sum(next_offset) FROM positions").fetchone()
    tables = ("orders", "events", "not_facts", "parked", "parked_orders")
    counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    return RebuildReport(records, *counts)


def _replace(live_file: Path, new_file: Path) -> None:
    # A write-ahead log that remains would be read as the new file's.
    with suppress(sqlite3.Error), closing(connect_writer(live_file, "NORMAL")) as connection:
        checkpoint(connection)
    if any(file.exists() for file in database_files(live_file)[1:]):
        remove_database(live_file)
    new_file.replace(live_file)
    fsync_directory(live_file.parent)
