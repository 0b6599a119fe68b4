"""OrderHistoryService without gRPC: each method takes a valid request and returns serialized responses."""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from functools import partial

from google.protobuf.duration_pb2 import Duration

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    ListProductTotalsRequest,
    ListProductTotalsResponse,
    StreamOrderEventsRequest,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.history.as_of import order_as_of
from ordertrail_server.history.diffs.diff_bounds import diff_bounds
from ordertrail_server.history.diffs.diff_stream import DiffStream
from ordertrail_server.history.event_filter import EventFilter, list_filter
from ordertrail_server.history.events import list_events
from ordertrail_server.history.freshness import required_offsets
from ordertrail_server.history.moment import offsets_at, refuse_future
from ordertrail_server.history.order_filter import is_bounded
from ordertrail_server.history.orders import list_orders, order_response, read_order
from ordertrail_server.history.past_orders import PastOrders
from ordertrail_server.history.product_totals import list_product_totals
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.recency import FollowingRecency, Recency
from ordertrail_server.history.streaming.stream import stream_events
from ordertrail_server.history.streaming.stream_hub import HEARTBEAT, StreamHub
from ordertrail_server.history.timeline import require_timeline
from ordertrail_server.history.tokens import latest, moment_of
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import moment

Dated = (
    type[GetOrderResponse] | type[ListOrdersResponse] | type[ListOrderEventsResponse] | type[ListProductTotalsResponse]
)


class HistoryService:
    """Answers queries from projections, which their owner closes after the last answer.

    Orders as of now come from the projection `orders`, events from `history`, totals from `product_totals`. The state
    of an order at a point is folded from a state in `orders` and events in `history`; lists as of a moment find their
    orders in `timeline`, which a server may not keep (require_timeline). `product_totals` and `timeline` may be further
    behind than the others. Every method raises Refused. `scope` are the
    customers whose orders the caller may read. `time_remaining` is the time until the call's deadline, in
    seconds, None if it has none. `heartbeat_s` is the longest time between two frames of a stream.
    """

    def __init__(
        self,
        orders: QueriedProjection,
        history: QueriedProjection,
        product_totals: QueriedProjection,
        timeline: QueriedProjection | None,
        recency: Recency,
        heartbeat_s: float = HEARTBEAT,
    ) -> None:
        self._orders, self._history, self._totals, self._timeline = orders, history, product_totals, timeline
        self._recency = recency
        self._totals_recency = FollowingRecency(product_totals.progress, recency.current_at)
        recency.add_follower(self._totals_recency)
        self.hub = StreamHub(history.model, history.progress, recency, heartbeat_s)

    async def GetOrder(self, request: GetOrderRequest, scope: Scope, time_remaining: float | None) -> bytes:  # noqa: N802 (the rpc's)
        """Return a serialized GetOrderResponse. Waits for an as-of token like for at_least_as_fresh."""
        return await self._with_age(GetOrderResponse, self._get_order(request, scope, query_deadline(time_remaining)))

    async def _get_order(self, request: GetOrderRequest, scope: Scope, deadline: float) -> bytes:
        model, as_of = self._orders.model, None
        offsets = required_offsets(model, request.at_least_as_fresh)
        if request.HasField("token"):
            as_of = moment_of(request.token, "token", model.lineage)
            offsets = latest([offsets, as_of.offsets])
        elif request.HasField("record_time"):
            refuse_future(request.record_time, "record_time")
            past = await offsets_at(request.record_time, self._history.freshness, self._recency, deadline)
            offsets = latest([offsets, past])
        await self._orders.freshness.wait_until_fresh(offsets, deadline)
        order = await model.read(partial(read_order, model, request.order_id, scope))
        if request.WhichOneof("as_of"):
            # `history` may be behind `orders`, and lack facts before the point.
            await self._history.freshness.wait_until_fresh(latest([offsets, order.offsets]), deadline)
            order = await order_as_of(model, self._history.model, order, request, as_of)
        return order_response(model, order)

    async def ListOrders(self, request: ListOrdersRequest, scope: Scope, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized ListOrdersResponse."""
        model, deadline = self._orders.model, query_deadline(time_remaining)
        if request.WhichOneof("as_of"):
            return await self._with_age(ListOrdersResponse, self._past_orders().answer(request, scope, deadline))
        offsets = required_offsets(model, request.at_least_as_fresh)
        await self._orders.freshness.wait_until_fresh(offsets, deadline)
        run = model.read if is_bounded(request, scope) else model.search
        return await self._with_age(ListOrdersResponse, run(partial(list_orders, model, request, scope)))

    async def ListOrderEvents(  # noqa: N802
        self, request: ListOrderEventsRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListOrderEventsResponse."""
        model = self._history.model
        offsets = required_offsets(model, request.at_least_as_fresh)
        await self._history.freshness.wait_until_fresh(offsets, query_deadline(time_remaining))
        run = model.read if list_filter(request, scope).matches_every_row else model.search
        return await self._with_age(ListOrderEventsResponse, run(partial(list_events, model, request, scope)))

    async def ListProductTotals(  # noqa: N802
        self, request: ListProductTotalsRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListProductTotalsResponse."""
        model = self._totals.model
        offsets = required_offsets(model, request.at_least_as_fresh)
        await self._totals.freshness.wait_until_fresh(offsets, query_deadline(time_remaining))
        current_at = self._totals_recency.current_at
        answer = await model.read(partial(list_product_totals, model, request))
        return answer + self._age_fields(ListProductTotalsResponse, current_at)

    def StreamOrderEvents(  # noqa: N802
        self, request: StreamOrderEventsRequest, scope: Scope, time_remaining: float | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield serialized StreamOrderEventsResponse frames. Close the generator when the caller has disconnected."""
        return stream_events(self.hub, self._history.freshness, request, scope, query_deadline(time_remaining))

    async def DiffOrders(  # noqa: N802
        self, request: DiffOrdersRequest, scope: Scope, time_remaining: float | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield serialized DiffOrdersResponse frames. Close the generator when the caller has disconnected."""
        deadline = query_deadline(time_remaining)
        bounds = await diff_bounds(self._history, self._recency, request, deadline)
        await self._orders.freshness.wait_until_fresh(bounds.end.offsets, deadline)
        diffs = DiffStream(
            self._orders.model, self._history.model, bounds, EventFilter(scope, customer_id=request.customer_id)
        )
        async with aclosing(diffs.frames()) as frames:
            async for frame in frames:
                if self.hub.draining:
                    message = "The server stops, so the diff is incomplete; ask another server with the same moments."
                    raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message))
                yield frame

    def _past_orders(self) -> PastOrders:
        return PastOrders(self._orders, self._history, require_timeline(self._timeline), self._recency)

    async def wait_complete(self) -> None:
        """Wait until `orders` and `history` include all records that the log had at the start."""
        await self._orders.freshness.wait_complete()
        await self._history.freshness.wait_complete()

    def drain(self) -> None:
        """End every open stream with a last frame that has its resume token, because the server stops."""
        self.hub.drain()

    async def _with_age(self, kind: Dated, query: Awaitable[bytes]) -> bytes:
        # Taken before the query begins, because later it could be newer than the answer.
        current_at = self._recency.current_at
        return await query + self._age_fields(kind, current_at)

    def _age_fields(self, kind: Dated, current_at: int | None) -> bytes:
        """Return the fields that end a serialized answer, which includes the log as of `current_at`."""
        if current_at is None:
            return b""
        age = Duration()
        age.FromNanoseconds(self._recency.age_of(current_at))
        return kind(current_at=moment(current_at), age=age).SerializeToString()
