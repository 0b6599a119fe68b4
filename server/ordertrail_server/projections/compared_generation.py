"""Folds a generation up to the position of the live one, and compares both there."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.comparison import compare_table, comparison_queries
from ordertrail_server.projections.dependents import Dependents
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.orders.comparison_queries import QUERIES
from ordertrail_server.projections.projection_file import POSITIONS
from ordertrail_server.storage.connection import Connection, connect_reader

RETRY_SECONDS = 0.05


async def compare_with_live(engine: Engine | Dependents, directory: Path, name: str) -> dict[str, Any]:
    """Return the comparison of this process's generation of a projection with the live one, as JSON.

    The live generation continues meanwhile: the comparison reads it as of one moment, in one read transaction.
    """
    with closing(connect_reader(live_generation(directory, name))) as live:
        offsets = await _begin_at_or_behind(engine, live, name)
        for partition, offset in offsets.items():
            await engine.fold_up_to(name, partition, offset)
        queries = comparison_queries(live, QUERIES if name == ORDERS else {})
        built = engine.connection_of(name)
        tables = [compare_table(live, built, table, query).to_json() for table, query in queries.items()]
    return {"positions": offsets, "tables": tables}


async def _begin_at_or_behind(engine: Engine | Dependents, live: Connection, name: str) -> dict[int, int]:
    """Begin a read transaction of the live generation that includes everything that ours does; return its positions."""
    while True:
        live.execute("BEGIN")
        offsets = {partition: offset for partition, offset, *_ in live.execute(POSITIONS)}
        ours = engine.positions[name]
        if all(offsets[partition] >= offset for partition, offset in ours.items()):
            return offsets
        live.execute("COMMIT")
        await asyncio.sleep(RETRY_SECONDS)
