"""OrderHistoryService without gRPC: each method takes a valid request and returns serialized responses."""

from collections.abc import AsyncGenerator, Awaitable
from functools import partial

from google.protobuf.duration_pb2 import Duration

from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    StreamOrderEventsRequest,
)
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.history.event_filter import list_filter
from ordertrail_server.history.events import list_events
from ordertrail_server.history.freshness import Freshness, required_offsets
from ordertrail_server.history.order_filter import is_bounded
from ordertrail_server.history.orders import get_order, list_orders
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.streaming.stream import stream_events
from ordertrail_server.history.streaming.stream_hub import HEARTBEAT, StreamHub
from ordertrail_server.history.tokens import latest, offsets_of
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.times import moment

Dated = type[GetOrderResponse] | type[ListOrdersResponse] | type[ListOrderEventsResponse]


class HistoryService:
    """Answers queries from the read model, which its owner closes after the last answer.

    Every method raises Refused. `time_remaining` is the time until the call's deadline, in seconds, None if it has
    none. `heartbeat_s` is the longest time between two frames of a stream.
    """

    def __init__(
        self,
        read_model: ReadModel,
        progress: Progress,
        freshness: Freshness,
        recency: Recency,
        heartbeat_s: float = HEARTBEAT,
    ) -> None:
        self._model, self._freshness, self._recency = read_model, freshness, recency
        self._hub = StreamHub(read_model, progress, recency, heartbeat_s)

    async def GetOrder(self, request: GetOrderRequest, time_remaining: float | None) -> bytes:  # noqa: N802 (the rpc's)
        """Return a serialized GetOrderResponse. Waits for an as-of token like for at_least_as_fresh."""
        model, as_of = self._model, None
        offsets = required_offsets(model, request.at_least_as_fresh)
        if request.HasField("token"):
            as_of = offsets_of(request.token, "token", model.log_id, model.partitions)
            offsets = latest([offsets, as_of])
        await self._freshness.wait_until_fresh(offsets, query_deadline(time_remaining))
        return await self._with_age(GetOrderResponse, model.read(partial(get_order, model, request, as_of)))

    async def ListOrders(self, request: ListOrdersRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized ListOrdersResponse."""
        offsets = required_offsets(self._model, request.at_least_as_fresh)
        await self._freshness.wait_until_fresh(offsets, query_deadline(time_remaining))
        run = self._model.read if is_bounded(request) else self._model.search
        return await self._with_age(ListOrdersResponse, run(partial(list_orders, self._model, request)))

    async def ListOrderEvents(self, request: ListOrderEventsRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized ListOrderEventsResponse."""
        offsets = required_offsets(self._model, request.at_least_as_fresh)
        await self._freshness.wait_until_fresh(offsets, query_deadline(time_remaining))
        run = self._model.read if list_filter(request).matches_every_row else self._model.search
        return await self._with_age(ListOrderEventsResponse, run(partial(list_events, self._model, request)))

    def StreamOrderEvents(  # noqa: N802
        self, request: StreamOrderEventsRequest, time_remaining: float | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield serialized StreamOrderEventsResponse frames. Close the generator when the caller has disconnected."""
        return stream_events(self._hub, self._freshness, request, query_deadline(time_remaining))

    async def wait_complete(self) -> None:
        """Wait until the read model includes all records that the log had at the start."""
        await self._freshness.wait_complete()

    def drain(self) -> None:
        """End every open stream with a last frame that has its resume token, because the server stops."""
        self._hub.drain()

    async def _with_age(self, kind: Dated, query: Awaitable[bytes]) -> bytes:
        # Taken before the query begins, because later it could be newer than the answer.
        current_at = self._recency.current_at
        answer = await query
        if current_at is None:
            return answer
        age = Duration()
        age.FromNanoseconds(self._recency.age_of(current_at))
        return answer + kind(current_at=moment(current_at), age=age).SerializeToString()
