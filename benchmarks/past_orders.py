"""An order of 20,000 facts in the past, and its events newest first, compared with a young order and oldest first.

Measured in processor time of this process, within the server's code: calls would hide the difference.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple

from benchmarks.sample_orders import BATCH, lines, record
from benchmarks.table import Row
from ordertrail.v1.order_events_pb2 import OrderLineQuantityChanged, OrderPlaced
from ordertrail.v1.order_history_service_pb2 import (
    EVENT_ORDER_POSITION_ASCENDING,
    EVENT_ORDER_POSITION_DESCENDING,
    EventOrder,
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
)
from ordertrail_server.history.as_of import order_as_of
from ordertrail_server.history.events import list_events
from ordertrail_server.history.orders import read_order
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.data_directory import DataDirectory, open_to_serve
from ordertrail_server.log.port import Log
from ordertrail_server.orders.chain import digest
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.schema.writing import encode

YOUNG, OLD = 20, 20_000
# Further versions, so that no measured one is the present, and any number of events since a snapshot is among them.
FURTHER = 64
FIRST_TIME = 1_795_000_000_000_000_000
MAX_RATIO, MIN_RATE = 3.0, 200_000
ROUNDS, CALLS = 5, 64


class Models(NamedTuple):
    """The read models of a log with the orders `young` and `old`."""

    orders: ReadModel
    history: ReadModel


def measure_point(kind: str) -> Row:
    """Return the µs of an order as of a version or a time: of the versions around 20,000, and of version 20."""
    young, old = asyncio.run(_measure_points(kind))
    name = f"order as of the {kind} {'of version ' if kind == 'time' else ''}{OLD:,}"
    return Row(name, "µs", old, f"the same of {YOUNG}", young, max_ratio=MAX_RATIO)


def measure_newest_first() -> Row:
    """Return the events/s of all pages of the old order, newest first and oldest first."""
    newest, oldest = asyncio.run(_measure_pages())
    return Row("events of an order, newest first", "events/s", newest, "oldest first", oldest, min_rate=MIN_RATE)


async def _measure_points(kind: str) -> tuple[float, float]:
    async with _open_models() as models:
        young = partial(_read_points, models, "young", kind, range(YOUNG, YOUNG + 1))
        old = partial(_read_points, models, "old", kind, range(OLD, OLD + FURTHER))
        rounds = [(await young(), await old()) for _ in range(ROUNDS)]
    return tuple(median(seconds) / CALLS * 1e6 for seconds in zip(*rounds, strict=True))


async def _read_points(models: Models, order_id: str, kind: str, versions: range) -> float:
    start = process_time()
    for call in range(CALLS):
        version = versions[call % len(versions)]
        request = GetOrderRequest(order_id=order_id, version=version)
        if kind == "time":
            request = GetOrderRequest(order_id=order_id, record_time=moment(FIRST_TIME + version))
        present = await models.orders.read(partial(read_order, models.orders, order_id))
        past = await order_as_of(models.orders, models.history, present, request, None)
        assert past.version == version
    return process_time() - start


async def _measure_pages() -> tuple[float, float]:
    async with _open_models() as models:
        newest, oldest = (
            partial(_read_pages, models.history, order_by)
            for order_by in (EVENT_ORDER_POSITION_DESCENDING, EVENT_ORDER_POSITION_ASCENDING)
        )
        rounds = [(await newest(), await oldest()) for _ in range(ROUNDS)]
    return tuple((OLD + FURTHER) / median(seconds) for seconds in zip(*rounds, strict=True))


async def _read_pages(model: ReadModel, order_by: EventOrder.ValueType) -> float:
    request, seconds = ListOrderEventsRequest(order_id="old", page_size=1_000, order_by=order_by), 0.0
    while not seconds or request.page_token:
        start = process_time()
        page = await model.read(partial(list_events, model, request))
        seconds += process_time() - start
        request.page_token = ListOrderEventsResponse.FromString(page).next_page_token
    return seconds


@asynccontextmanager
async def _open_models() -> AsyncIterator[Models]:
    with tempfile.TemporaryDirectory() as folder:
        log = open_to_serve(Path(folder))
        for order_id, versions in (("young", YOUNG), ("old", OLD)):
            await _append_order(log, order_id, versions + FURTHER)
        projections = DataDirectory(Path(folder)).projections
        with closing(await open_engine(log, projections, [HISTORY])) as engine:
            await engine.catch_up()
        models = Models(*(_open_model(log, live_generation(projections, name)) for name in (ORDERS, HISTORY)))
        yield models
        for model in models:
            model.close()
        await log.close()


def _open_model(log: Log, path: Path) -> ReadModel:
    return ReadModel(path, log.lineage, log.topic)


async def _append_order(log: Log, order_id: str, versions: int) -> None:
    placed = OrderPlaced(customer_id="shop-1", lines=lines(1))
    entries = [record(order_id, 1, b"", encode(placed))]
    for version in range(2, versions + 1):
        changed = OrderLineQuantityChanged(product_id=placed.lines[0].product_id, quantity=version + 10)
        entries.append(record(order_id, version, digest(entries[-1].value), encode(changed)))
    for begin in range(0, len(entries), BATCH):
        await log.append(0, entries[begin : begin + BATCH])
