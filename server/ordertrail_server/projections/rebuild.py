"""The rebuild: folds the log from offset 0 into new files, which then replace the live projections."""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.derived_stores import refuse_lost_facts
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.storage.checkpoint import checkpoint
from ordertrail_server.storage.connection import Connection, connect_writer
from ordertrail_server.storage.database_file import database_files, fsync_directory, remove_database
from ordertrail_server.storage.sqlite import sqlite3

Progress = Callable[[int, int], None]


class RebuildReport(NamedTuple):
    """The counts of rebuilt projections. events + not_facts + waiting = records.

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
    """Rebuild the projections of a stopped server, and replace the live ones.

    The caller holds the data directory's lock. `progress` gets the records folded and the records of the log. Until
    then it writes files beside the live ones. Raises DataDirectoryRefused, LogDamaged, LogUnavailable, and
    sqlite3.Error, as for a full disk; then the live files are unchanged.
    """
    return asyncio.run(_rebuild(data_dir, progress))


async def _rebuild(data_dir: Path, progress: Progress) -> RebuildReport:
    live_directory = DataDirectory(data_dir).projections
    new_directory = live_directory / "new"
    new_files = {name: live_generation(new_directory, name) for name in (ORDERS, HISTORY)}
    log = EmbeddedLog.follow(data_dir)
    try:
        await refuse_lost_facts(log, DataDirectory(data_dir))
        for file in new_files.values():
            remove_database(file)
        await _build(log, new_directory, progress)
    finally:
        await log.close()
    with closing(connect_writer(new_files[ORDERS], "NORMAL")) as connection:
        counts = _count_rows(connection)
        checkpoint(connection)
    for name, file in new_files.items():
        _replace(live_generation(live_directory, name), file)
    return counts


async def _build(log: Log, directory: Path, progress: Progress) -> None:
    total = sum([await log.end(partition) for partition in range(log.partitions)])
    with closing(await open_engine(log, directory, [HISTORY])) as engine:
        await engine.catch_up(lambda positions: progress(sum(positions[ORDERS].values()), total))


def _count_rows(connection: Connection) -> RebuildReport:
    def count(query: str) -> int:
        return int(connection.execute(query).fetchone()[0] or 0)

    waiting = count("SELECT count(*) FROM ordertrail_waiting")
    return RebuildReport(
        records=count("SELECT sum(next_offset) FROM ordertrail_positions"),
        orders=count("SELECT count(*) FROM orders WHERE version > 0"),
        events=count("SELECT sum(count) FROM ordertrail_verdicts WHERE verdict = 'fact'") - waiting,
        not_facts=count("SELECT sum(count) FROM ordertrail_verdicts WHERE verdict <> 'fact'"),
        waiting=waiting,
        parked=count("SELECT count(*) FROM parked_orders"),
    )


def _replace(live_file: Path, new_file: Path) -> None:
    # A write-ahead log that remains would be read as the new file's.
    with suppress(sqlite3.Error), closing(connect_writer(live_file, "NORMAL")) as connection:
        checkpoint(connection)
    if any(file.exists() for file in database_files(live_file)[1:]):
        remove_database(live_file)
    new_file.replace(live_file)
    fsync_directory(live_file.parent)
