"""A history service with a real log and engine, and a list of the recorded facts to compare with."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.log.memory import MemoryLog

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import (
    OrderConfirmed,
    OrderedLine,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderPlaced,
    OrderSource,
)
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.read_model import SEARCH_SECONDS, ReadModel
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Entry, Log
from ordertrail_server.log.position import LogPosition
from ordertrail_server.log.progress import Progress
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate, advance
from ordertrail_server.orders.chain import digest
from ordertrail_server.orders.products import products_named
from ordertrail_server.projections.catalog import HISTORY, ORDERS, TIMELINE
from ordertrail_server.projections.dependents import Positions
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.history.history_rows import EVENT_TYPE
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import Event
from ordertrail_server.schema.writing import encode, seal

SECOND = 1_000_000_000
NOON = 1_700_000_000 * SECOND


class RecordedFact(NamedTuple):
    """One fact, as a plain model sees it: `order` is the order after it, `time` its record time in nanoseconds."""

    position: int
    time: int
    customer: str
    products: tuple[str, ...]
    type: int
    order: Order

    @property
    def name(self) -> tuple[str, int]:
        return self.order.order_id, self.order.version


class HistoryServer:
    def __init__(
        self, directory: Path, partitions: int, heartbeat_s: float, identity: bytes | None, has_timeline: bool
    ) -> None:
        self.log = MemoryLog(partitions=partitions, identity=identity)
        self._directory = directory
        self.progress = Progress()
        self._projections = [HISTORY, TIMELINE] if has_timeline else [HISTORY]
        self.orders_model, self.model = self.open_model(ORDERS), self.open_model(HISTORY)
        self.timeline_model = self.open_model(TIMELINE)
        self.recency = Recency(self.log.end, partitions, self.progress)
        self.service = self.build_service(self.progress, heartbeat_s)
        self._engine: Engine | None = None
        self.facts: list[RecordedFact] = []
        self._aggregates: dict[str, Aggregate] = {}
        self._time = NOON

    def open_model(self, name: str, search_seconds: float = SEARCH_SECONDS) -> ReadModel:
        """Return a model of the projection's file, which may not exist yet."""
        path = live_generation(self._directory, name)
        return ReadModel(path, self.log.lineage, self.log.topic, search_seconds)

    def build_service(
        self,
        progress: Progress,
        heartbeat_s: float = 15.0,
        recency: Recency | None = None,
        log: Log | None = None,
        ends_at_start: Offsets | None = None,
        history_progress: Progress | None = None,
    ) -> HistoryService:
        """Return a service that starts now: what the log already holds must be projected before it answers.

        `progress` is that of all projections, unless `history` has its own.
        """
        ends = tuple(map(len, self.log.records)) if ends_at_start is None else ends_at_start
        models = (
            (self.orders_model, progress),
            (self.model, history_progress or progress),
            (self.timeline_model, progress),
        )
        orders, history, timeline = (
            QueriedProjection(model, reached, Freshness(model, reached, log or self.log, ends))
            for model, reached in models
        )
        # No test of these asks for totals, so any file stands in for theirs.
        kept_timeline = timeline if TIMELINE in self._projections else None
        return HistoryService(orders, history, orders, kept_timeline, recency or self.recency, heartbeat_s)

    def aggregate(self, order_id: str) -> Aggregate:
        return self._aggregates.get(order_id, NO_ORDER)

    def record(self, order_id: str, event: Event, time: int | None = None) -> str:
        """Append a fact, one second after the last unless a time is given; return a token that includes it."""
        before = self.aggregate(order_id)
        self._time = self._time + SECOND if time is None else time
        value = seal_record(order_id, before.version + 1, before.head, encode(event), self._time)
        offset = self.land(order_id, value)
        reading = read(value)
        assert reading is not None
        after = advance(before, reading.event, reading.fault, digest(value))
        self._aggregates[order_id] = after
        if after.order is not None and not after.parked:
            position = LogPosition(self._partition(order_id), offset)
            self.facts.append(_recorded_fact(position.pack(), reading.event, after.order))
        return write_token(self.log.identity, {self._partition(order_id): offset + 1})

    def land(self, order_id: str, value: bytes) -> int:
        """Append any bytes under the order's key; return the offset."""
        return self.log.land(self._partition(order_id), Entry(order_id, value))

    async def project(self) -> None:
        """Project everything that the log holds, and advance the progress."""
        if self._engine is None:
            self._engine = await open_engine(self.log, self._directory, self._projections)
        await self._engine.catch_up(self._note_positions)
        self._note_positions(self._engine.positions)

    def close(self) -> None:
        """Close the projections."""
        self.orders_model.close()
        self.model.close()
        self.timeline_model.close()
        if self._engine is not None:
            self._engine.close()

    @property
    def orders(self) -> dict[str, Order]:
        return {fact.order.order_id: fact.order for fact in self.in_log_order()}

    def in_log_order(self) -> list[RecordedFact]:
        return sorted(self.facts)

    def names(self, matches: Callable[[RecordedFact], bool] = lambda _: True) -> list[tuple[str, int]]:
        return [fact.name for fact in self.in_log_order() if matches(fact)]

    async def stream(self, request: StreamOrderEventsRequest) -> list[StreamOrderEventsResponse]:
        return [
            StreamOrderEventsResponse.FromString(f)
            async for f in self.service.StreamOrderEvents(request, EVERYTHING, None)
        ]

    def _note_positions(self, positions: Positions) -> None:
        self.progress.advance(dict(positions[HISTORY]))

    def _partition(self, order_id: str) -> int:
        return partition_of(order_id, self.log.partitions)


@asynccontextmanager
async def serve_history(
    directory: Path,
    partitions: int = 1,
    heartbeat_s: float = 15.0,
    identity: bytes | None = None,
    *,
    has_timeline: bool = False,
) -> AsyncIterator[HistoryServer]:
    server = HistoryServer(directory, partitions, heartbeat_s, identity, has_timeline)
    try:
        yield server
    finally:
        server.close()


def seal_record(order_id: str, version: int, previous: bytes, chunk: bytes, time: int = NOON) -> bytes:
    return seal(
        event_id=f"{order_id}-{version}",
        order_id=order_id,
        order_version=version,
        previous=previous,
        record_time_ns=time,
        request_id="",
        command_digest=b"",
        origin="",
        actor="",
        traceparent="",
        chunk=chunk,
    )


def build_placed(*products: str, customer: str = "", reference: str = "") -> OrderPlaced:
    return OrderPlaced(
        customer_id=customer or None,
        lines=[OrderedLine(product_id=p, quantity=2, unit_price=Money(currency_code="EUR", units=3)) for p in products],
        source=OrderSource(reference=reference) if reference else None,
    )


def build_line_added(product: str) -> OrderLineAdded:
    return OrderLineAdded(line=build_placed(product).lines[0])


def build_quantity_changed(product: str, quantity: int) -> OrderLineQuantityChanged:
    return OrderLineQuantityChanged(product_id=product, quantity=quantity)


def build_line_removed(product: str) -> OrderLineRemoved:
    return OrderLineRemoved(product_id=product)


def build_confirmed() -> OrderConfirmed:
    return OrderConfirmed()


def list_event_names(events: Iterable[HistoryEvent]) -> list[tuple[str, int]]:
    return [(event.order_id, event.order_version) for event in events]


def list_frame_names(frames: Iterable[StreamOrderEventsResponse]) -> list[tuple[str, int]]:
    return [name for frame in frames for name in list_event_names(frame.events)]


def _recorded_fact(position: int, event: HistoryEvent, order: Order) -> RecordedFact:
    time = order.update_time.seconds * SECOND + order.update_time.nanos
    kind = EVENT_TYPE[event.WhichOneof("event") or ""]
    return RecordedFact(position, time, order.customer_id, tuple(products_named(event)), kind, order)


def advance_clock(seconds: float) -> None:
    """Move the event loop's clock forward, so that no test has to wait."""
    loop = asyncio.get_running_loop()
    time = loop.time
    loop.time = lambda: time() + seconds  # type: ignore[method-assign]  # the loop ends with the test
