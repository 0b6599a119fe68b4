"""Opens the engine of a process: on the live generations of a data directory, or on new ones."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ordertrail_server.log.port import Log, LogDamaged
from ordertrail_server.projections.catalog import ORDERS, STOPS_ALONE, load_projection
from ordertrail_server.projections.definition import projection_definition
from ordertrail_server.projections.dependents import BATCH, Dependents
from ordertrail_server.projections.engine import Engine, TraceFold
from ordertrail_server.projections.failure_text import describe_failure
from ordertrail_server.projections.generation import current_generation
from ordertrail_server.projections.judged_log import JudgedLog
from ordertrail_server.projections.orders.projection import CACHE_BYTES, OrderProjection
from ordertrail_server.projections.orders.tables import create_order_tables
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.projection_error import OrdersUnavailable, ProjectionRefused
from ordertrail_server.projections.projection_file import HAS_TABLES, CreateTables, ProjectionFile, open_projection_file
from ordertrail_server.projections.running_projection import RunningProjection
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.checked.error import find_damaged_file
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.schema import read_schema
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import may_pass

if TYPE_CHECKING:
    from sqlite_utils import Database

NO_NUMBERS: Mapping[str, int] = {}


async def open_engine(
    log: Log,
    directory: Path,
    names: Iterable[str],
    numbers: Mapping[str, int] = NO_NUMBERS,
    batch: int = BATCH,
    cache_bytes: int = CACHE_BYTES,
    trace: TraceFold | None = None,
) -> Engine:
    """Open or create the generations of `orders` and of the named projections.

    They are the live ones unless `numbers` names others. A projection other than `orders` whose file is damaged is left
    out (`Engine.damaged`). A transaction takes at most `batch` messages; orders take about `cache_bytes` of memory
    between them. `trace` is called after each batch. Raises ProjectionRefused, LogDamaged, LogUnavailable,
    sqlite3.Error.
    """
    damaged: dict[str, sqlite3.DatabaseError] = {}
    with ExitStack() as opened:
        path = _file(directory, ORDERS, numbers)
        file = opened.enter_context(closing(await _open(log, path, ORDERS, create_order_tables)))
        judged = JudgedLog(log, file.connection)
        stopped: dict[str, str] = {}
        projections = await _open_all(log, directory, names, numbers, opened, stopped, damaged)
        dependents = Dependents(log, judged, projections, batch, stopped)
        opened.pop_all()
    for name, error in damaged.items():
        dependents.note_damage(name, _file(directory, name, numbers), error)
    return Engine(log, OrderProjection(log, file, cache_bytes), dependents, batch, trace)


async def open_dependents(
    log: Log, directory: Path, names: Iterable[str], numbers: Mapping[str, int] = NO_NUMBERS, batch: int = BATCH
) -> Dependents:
    """Open or create generations of the named projections, which take the verdicts of the live generation of `orders`.

    Raises OrdersUnavailable, and as open_engine does.
    """
    with ExitStack() as opened:
        orders = opened.enter_context(closing(_connect_orders(_file(directory, ORDERS, NO_NUMBERS))))
        projections = await _open_all(log, directory, names, numbers, opened)
        opened.pop_all()
    return Dependents(log, JudgedLog(log, orders), projections, batch, stops_with_last=True)


def _connect_orders(path: Path) -> Connection:
    if path.exists():
        connection = connect_checked_reader(path)
        if connection.execute(HAS_TABLES).fetchone()[0]:
            return connection
        connection.close()
    raise OrdersUnavailable(f"{path.name} does not exist yet")


async def _open_all(
    log: Log,
    directory: Path,
    names: Iterable[str],
    numbers: Mapping[str, int],
    opened: ExitStack,
    stopped: dict[str, str] | None = None,
    damaged: dict[str, sqlite3.DatabaseError] | None = None,
) -> list[RunningProjection]:
    """Open the projections. With `stopped`, one that no other needs is entered there with the reason if it fails."""
    projections = []
    for name in names:
        if name == ORDERS:
            continue
        try:
            running = await _open_projection(log, directory, name, numbers)
        except (ProjectionRefused, LogDamaged, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.DatabaseError) and damaged is not None and find_damaged_file(error):
                damaged[name] = error
                continue
            if stopped is None or name not in STOPS_ALONE or may_pass(error):
                raise
            stopped[name] = f"the projection {name} cannot be opened: {error}"
            continue
        opened.enter_context(closing(running.file))
        projections.append(running)
    return projections


async def _open_projection(log: Log, directory: Path, name: str, numbers: Mapping[str, int]) -> RunningProjection:
    projection = load_projection(name)
    file = await _open(log, _file(directory, name, numbers), name, partial(_create_tables, projection))
    try:
        return RunningProjection(projection, file)
    except BaseException:
        file.close()
        raise


async def _open(log: Log, path: Path, name: str, create: CreateTables) -> ProjectionFile:
    return await open_projection_file(path, log, projection_definition(name, path.parent), create)


def _file(directory: Path, name: str, numbers: Mapping[str, int]) -> Path:
    generation = current_generation(directory, name)
    return generation._replace(number=numbers.get(name, generation.number)).file(directory)


def _create_tables(projection: Projection, database: "Database") -> None:
    reserved = _reserved_names(database)
    try:
        projection.create_tables(database)
        if _reserved_names(database) != reserved:
            raise ValueError("it changes tables whose names begin with ordertrail_, which are reserved")
    except BaseException as error:  # as SystemExit: the code is not ours, and does not wait for anything of ours
        if may_pass(error) or isinstance(error, KeyboardInterrupt):
            raise
        reason = f"the projection {projection.name} failed while it created its tables: {describe_failure(error)}"
        raise ProjectionRefused(reason) from error


def _reserved_names(database: "Database") -> dict[str, str]:
    schema = read_schema(database.conn)
    return {name: text for name, text in schema.items() if name.partition(" ")[2].startswith("ordertrail_")}
