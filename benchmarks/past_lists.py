"""Orders of a customer as of a time, and the diff of one day, on a log of thirty days.

Measured in processor time of this process, within the server's code: calls would hide the difference.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from itertools import islice
from pathlib import Path
from statistics import median
from time import process_time, time_ns

from benchmarks.sample_orders import BATCH, lines, record
from benchmarks.table import Row
from ordertrail.v1.order_events_pb2 import OrderConfirmed, OrderPlaced
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    DiffOrdersResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.recency import Recency
from ordertrail_server.log.data_directory import DataDirectory, open_to_serve
from ordertrail_server.log.port import Entry, Log
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.chain import digest
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.catalog import HISTORY, ORDERS, TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.schema.writing import encode

DAY_NS = 86_400_000_000_000
FIRST_TIME, DAYS = 1_790_000_000_000_000_000, 30
FEW = 10_000
ROUNDS, CALLS = 5, 20
MAX_RATIO = 1.5


def measure_list(orders: int) -> Row:
    """Return the ms of a page of 50 orders of a customer as of the middle of the log, of many orders and of few."""
    many, few = (asyncio.run(_page_ms(count)) for count in (orders, FEW))
    name = f"a customer's orders as of a time, of {orders:,} orders"
    return Row(name, "ms", many, f"of {FEW:,} orders", few, max_ratio=MAX_RATIO)


def measure_diff(orders: int) -> Row:
    """Return the events/s of a diff of one day of thirty, and of the same events as a stream."""
    diff, stream = asyncio.run(_rates(orders))
    name = f"diff of one day of {DAYS}, of {orders:,} orders"
    return Row(name, "events/s", diff, "the events of the day, streamed", stream)


async def _page_ms(orders: int) -> float:
    middle = moment(FIRST_TIME + DAYS * DAY_NS // 2)
    request = ListOrdersRequest(customer_id="shop-1", record_time=middle, page_size=50)
    async with _open_service(orders) as service:
        rounds = []
        for _ in range(ROUNDS):
            start = process_time()
            for _ in range(CALLS):
                page = await service.ListOrders(request, EVERYTHING, None)
            rounds.append(process_time() - start)
            assert ListOrdersResponse.FromString(page).orders
    return median(rounds) / CALLS * 1e3


async def _rates(orders: int) -> tuple[float, float]:
    begin, end = (moment(FIRST_TIME + day * DAY_NS) for day in (14, 15))
    diff = DiffOrdersRequest(recorded_from=begin, recorded_before=end)
    stream = StreamOrderEventsRequest(recorded_from=begin, recorded_before=end)
    rounds = []
    async with _open_service(orders) as service:
        for _ in range(ROUNDS):
            seconds, frames = await _read(service.DiffOrders(diff, EVERYTHING, None))
            diffs = [order_diff for frame in frames for order_diff in DiffOrdersResponse.FromString(frame).diffs]
            stream_seconds, frames = await _read(service.StreamOrderEvents(stream, EVERYTHING, None))
            streamed_count = sum(len(StreamOrderEventsResponse.FromString(frame).events) for frame in frames)
            assert sum(len(order_diff.events) for order_diff in diffs) == streamed_count
            rounds.append((streamed_count / seconds, streamed_count / stream_seconds))
    return tuple(map(median, zip(*rounds, strict=True)))


async def _read(frames: AsyncGenerator[bytes, None]) -> tuple[float, list[bytes]]:
    start = process_time()
    received = [frame async for frame in frames]
    return process_time() - start, received


@asynccontextmanager
async def _open_service(orders: int) -> AsyncIterator[HistoryService]:
    with tempfile.TemporaryDirectory() as folder:
        log = open_to_serve(Path(folder))
        entries = _entries(orders)
        while batch := list(islice(entries, BATCH)):
            await log.append(0, batch)
        projections = DataDirectory(Path(folder)).projections
        with closing(await open_engine(log, projections, [HISTORY, TIMELINE])) as engine:
            await engine.catch_up()
        progress = Progress()
        progress.advance({0: await log.end(0)})
        queried = [_open_queried(log, projections, name, progress) for name in (ORDERS, HISTORY, TIMELINE)]
        recency = Recency(log.end, log.partitions, progress, seen_at=time_ns())
        orders_now, history, timeline = queried
        yield HistoryService(orders_now, history, orders_now, timeline, recency)
        for projection in queried:
            projection.model.close()
        await log.close()


def _open_queried(log: Log, projections: Path, name: str, progress: Progress) -> QueriedProjection:
    model = ReadModel(live_generation(projections, name), log.lineage, log.topic)
    return QueriedProjection(model, progress, Freshness(model, progress, log, (0,) * log.partitions))


def _entries(orders: int) -> Iterator[Entry]:
    """Yield an order each few seconds, and its confirmation at once."""
    pause = DAYS * DAY_NS // orders
    for number in range(orders):
        time, order_id = FIRST_TIME + number * pause, f"order-{number:08}"
        placed = OrderPlaced(customer_id=f"shop-{number % 100}", lines=lines(number))
        first = record(order_id, 1, b"", encode(placed), time)
        yield first
        yield record(order_id, 2, digest(first.value), encode(OrderConfirmed()), time + 1)
