"""An engine with the projection `history` in tests, and the rows of its two files."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.projections.log_builder import LogBuilder, create_log
from tests.projections.stored_rows import Rows, read_rows, without_retries

from ordertrail_server.log.port import Log
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine

ONE_BATCH = 1_000


class FoldedRows(NamedTuple):
    """All rows of the files of `orders` and `history`."""

    orders: Rows
    history: Rows

    def without_retries(self) -> "FoldedRows":
        return FoldedRows(*map(without_retries, self))


def read_folded_rows(directory: Path) -> FoldedRows:
    return FoldedRows(*(read_rows(live_generation(directory, name)) for name in (ORDERS, HISTORY)))


async def open_history_engine(
    log: Log, directory: Path, batch: int = ONE_BATCH, cache_bytes: int = 1_000_000
) -> Engine:
    return await open_engine(log, directory, [HISTORY], batch=batch, cache_bytes=cache_bytes)


async def project(log: Log, directory: Path, batch: int = ONE_BATCH, cache_bytes: int = 1_000_000) -> FoldedRows:
    """Fold a log up to its end, and return all rows."""
    with closing(await open_history_engine(log, directory, batch, cache_bytes)) as engine:
        await engine.catch_up()
    return read_folded_rows(directory)


async def project_records(builder: LogBuilder, directory: Path) -> FoldedRows:
    return await project(await create_log(builder), directory)
