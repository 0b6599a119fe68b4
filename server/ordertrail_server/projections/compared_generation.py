"""Folds a generation up to the position of the live one, and compares both there."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.catalog import ORDERS, TIMELINE
from ordertrail_server.projections.comparison import TableComparison, compare_table, comparison_queries
from ordertrail_server.projections.dependents import Dependents
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.orders.comparison_queries import QUERIES as ORDER_QUERIES
from ordertrail_server.projections.projection_file import POSITIONS
from ordertrail_server.projections.timeline.comparison_queries import QUERIES as TIMELINE_QUERIES
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3

RETRY_SECONDS = 0.05
QUERIES = {ORDERS: ORDER_QUERIES, TIMELINE: TIMELINE_QUERIES}


class LiveUnreadable(OperatorError):
    """The live generation cannot be read, so nothing can be compared with it."""


async def compare_with_live(engine: Engine | Dependents, directory: Path, name: str) -> dict[str, Any]:
    """Return the comparison of this process's generation of a projection with the live one, as JSON.

    The live generation continues meanwhile: the comparison reads it as of one moment, in one read transaction. Raises
    LiveUnreadable.
    """
    with closing(_connect_live(directory, name)) as live:
        offsets = await _begin_at_or_behind(engine, live, name)
        for partition, offset in offsets.items():
            await engine.fold_up_to(name, partition, offset)
        tables = compare_files(live, engine.connection_of(name), name)
    return {"positions": offsets, "tables": [table.to_json() for table in tables]}


def compare_files(live: Connection, built: Connection, name: str) -> list[TableComparison]:
    """Compare all tables of two files of a projection. Raises LiveUnreadable."""
    with _reading_live(name):
        queries = comparison_queries(live, QUERIES.get(name, {}))
        return [compare_table(live, built, table, query) for table, query in queries.items()]


@contextmanager
def _reading_live(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise LiveUnreadable(f"The live generation of {name} cannot be read: {error}.") from error


def _connect_live(directory: Path, name: str) -> Connection:
    with _reading_live(name):
        return connect_checked_reader(live_generation(directory, name))


async def _begin_at_or_behind(engine: Engine | Dependents, live: Connection, name: str) -> dict[int, int]:
    """Begin a read transaction of the live generation that includes everything that ours does; return its positions."""
    while True:
        with _reading_live(name):
            live.execute("BEGIN")
            offsets = {partition: offset for partition, offset, *_ in live.execute(POSITIONS)}
        ours = engine.positions[name]
        if all(offsets[partition] >= offset for partition, offset in ours.items()):
            return offsets
        live.execute("COMMIT")
        await asyncio.sleep(RETRY_SECONDS)
