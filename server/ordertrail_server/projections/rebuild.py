"""Rebuilds all projections of a stopped server in one pass, beside the live generations, and promotes them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.derived_stores import refuse_lost_facts
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.catalog import ORDERS, OWN_NAMES
from ordertrail_server.projections.compared_generation import LiveUnreadable, compare_files
from ordertrail_server.projections.comparison import TableComparison
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import (
    Generation,
    current_generation,
    list_generations,
    make_live,
    next_generation,
)
from ordertrail_server.projections.generation_report import read_stored_progress
from ordertrail_server.projections.loadable import find_loadable_projections
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.database_file import remove_database
from ordertrail_server.storage.sqlite import sqlite3

Progress = Callable[[int, int], None]


class RebuildCounts(NamedTuple):
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


@dataclass(slots=True)
class RebuildReport:
    """The result of a rebuild: counts, and how each projection compares with the generation that was live.

    `not_compared` has the projections that could not be compared, with the reasons.
    """

    counts: RebuildCounts
    comparisons: dict[str, list[TableComparison]] = field(default_factory=dict)
    not_compared: dict[str, str] = field(default_factory=dict)
    stopped: Mapping[str, str] = field(default_factory=dict)

    @property
    def difference_count(self) -> int:
        """The number of keys whose rows differ."""
        return sum(table.difference_count for tables in self.comparisons.values() for table in tables)


def rebuild(data_dir: Path, progress: Progress, names: Sequence[str] = OWN_NAMES) -> RebuildReport:
    """Rebuild the projections of a stopped server, compare them with the live generations, and promote them.

    They are the server's own `names` and the added ones. The caller holds the data directory's lock. `progress` gets
    the records folded and the records of the log. The generation that was live is kept for one step back, and earlier
    ones are removed. Raises DataDirectoryRefused, LogDamaged, LogUnavailable, and sqlite3.Error, as for a full disk;
    then the live generations are the same as before.
    """
    return asyncio.run(_rebuild(data_dir, progress, names))


async def _rebuild(data_dir: Path, progress: Progress, own_names: Sequence[str]) -> RebuildReport:
    data = DataDirectory(data_dir)
    log = EmbeddedLog.follow(data_dir)
    try:
        await refuse_lost_facts(log, data)
        names = [*own_names, *find_loadable_projections(data.projections)]
        _remove_unpromoted(data.projections, names)
        await _catch_up_live(log, data.projections, names)
        new = {name: next_generation(data.projections, name) for name in names}
        numbers = {name: generation.number for name, generation in new.items()}
        with closing(await open_engine(log, data.projections, names, numbers)) as engine:
            report = await _build(log, data.projections, engine, progress)
    finally:
        await log.close()
    for name, generation in new.items():
        if name not in report.stopped:
            _promote(data.projections, generation, keeps_previous=name in report.comparisons)
    return report


async def _build(log: Log, directory: Path, engine: Engine, progress: Progress) -> RebuildReport:
    total = sum([await log.end(partition) for partition in range(log.partitions)])
    await engine.catch_up(lambda positions: progress(sum(positions[ORDERS].values()), total))
    report = RebuildReport(_count_rows(engine.connection_of(ORDERS)), stopped=dict(engine.stopped))
    for name in engine.positions:
        try:
            report.comparisons[name] = _compare(directory, engine, name)
        except LiveUnreadable as reason:
            report.not_compared[name] = str(reason)
    return report


def _compare(directory: Path, engine: Engine, name: str) -> list[TableComparison]:
    file = current_generation(directory, name).file(directory)
    stored = read_stored_progress(file)
    if not stored.is_complete or stored.folded_count != sum(engine.positions[name].values()):
        raise LiveUnreadable(f"The live generation of {name} is missing, damaged or incomplete.")
    with closing(connect_checked_reader(file)) as live:
        return compare_files(live, engine.connection_of(name), name)


async def _catch_up_live(log: Log, directory: Path, names: Sequence[str]) -> None:
    """Bring the live generations that are complete up to date, so that they can be compared."""
    complete = {name for name in names if _is_complete(directory, name)}
    if ORDERS not in complete:
        return
    try:
        with closing(await open_engine(log, directory, complete - {ORDERS})) as engine:
            await engine.catch_up()
    except (sqlite3.DatabaseError, OperatorError):  # a damaged generation is not compared
        return


def _is_complete(directory: Path, name: str) -> bool:
    return read_stored_progress(current_generation(directory, name).file(directory)).is_complete


def _remove_unpromoted(directory: Path, names: Sequence[str]) -> None:
    """Remove the generations of this release that an interrupted rebuild or build has left."""
    for name in names:
        live = current_generation(directory, name)
        for generation in _own_generations(directory, live):
            if generation != live and not read_stored_progress(generation.file(directory)).is_complete:
                remove_database(generation.file(directory))


def _promote(directory: Path, generation: Generation, *, keeps_previous: bool) -> None:
    previous = current_generation(directory, generation.name)
    make_live(directory, generation)
    kept_generations = {generation, previous} if keeps_previous else {generation}
    for old_generation in set(_own_generations(directory, generation)) - kept_generations:
        remove_database(old_generation.file(directory))


def _own_generations(directory: Path, generation: Generation) -> list[Generation]:
    return [candidate for candidate in list_generations(directory) if candidate[:2] == generation[:2]]


def _count_rows(connection: Connection) -> RebuildCounts:
    def count(query: str) -> int:
        return int(connection.execute(query).fetchone()[0] or 0)

    waiting = count("SELECT count(*) FROM ordertrail_waiting")
    return RebuildCounts(
        records=count("SELECT sum(next_offset) FROM ordertrail_positions"),
        orders=count("SELECT count(*) FROM orders WHERE version > 0"),
        events=count("SELECT sum(count) FROM ordertrail_verdicts WHERE verdict = 'fact'") - waiting,
        not_facts=count("SELECT sum(count) FROM ordertrail_verdicts WHERE verdict <> 'fact'"),
        waiting=waiting,
        parked=count("SELECT count(*) FROM parked_orders"),
    )
