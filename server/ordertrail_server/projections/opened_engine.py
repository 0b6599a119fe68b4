"""Opens an engine on the live generations of a data directory."""

from collections.abc import Iterable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import sqlite_utils

from ordertrail_server.log.port import Log
from ordertrail_server.projections.catalog import ORDERS, load_projection
from ordertrail_server.projections.definition import projection_definition
from ordertrail_server.projections.engine import BATCH, Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.order_states import TABLE
from ordertrail_server.projections.orders.projection import CACHE_BYTES, OrderProjection, create_order_tables
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.projection_file import CreateTables, ProjectionFile, open_projection_file
from ordertrail_server.projections.running_projection import RunningProjection
from ordertrail_server.storage.connection import Connection


async def open_engine(
    log: Log, directory: Path, names: Iterable[str], batch: int = BATCH, cache_bytes: int = CACHE_BYTES
) -> Engine:
    """Open or create the live generations of `orders` and of the named projections.

    A transaction takes at most `batch` messages; orders take about `cache_bytes` of memory between them. Raises
    ProjectionRefused, LogDamaged, LogUnavailable, sqlite3.Error.
    """
    with ExitStack() as opened:
        file = await _open(log, directory, ORDERS, create_order_tables)
        opened.enter_context(closing(file))
        others = []
        for name in names:
            if name != ORDERS:
                projection = load_projection(name)
                file_of_other = await _open(log, directory, name, partial(_create_tables, projection))
                opened.enter_context(closing(file_of_other))
                others.append(RunningProjection(projection, file_of_other))
        opened.pop_all()
    return Engine(log, OrderProjection(log, file, cache_bytes), others, batch)


async def _open(log: Log, directory: Path, name: str, create: CreateTables) -> ProjectionFile:
    return await open_projection_file(live_generation(directory, name), log, projection_definition(name), create)


def _create_tables(projection: Projection, connection: Connection) -> None:
    projection.create_tables(sqlite_utils.Database(connection, recursive_triggers=False, execute_plugins=False))
    if projection.uses_orders:
        connection.execute(TABLE)
