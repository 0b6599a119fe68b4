"""The methods of the client that query orders and events, and stream events."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Unpack

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.errors import ServerFault, from_rpc_error
from ordertrail.event_stream import stream_frames
from ordertrail.query_conditions import (
    DiffConditions,
    EventConditions,
    OrderConditions,
    OrderPoint,
    ProductTotalConditions,
    StreamConditions,
    add_conditions,
)
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    ListProductTotalsRequest,
    ListProductTotalsResponse,
    OrderDiff,
    ProductTotal,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.projection_service_pb2 import ListParkedOrdersRequest
from ordertrail.v1.submitted_commands_pb2 import ListCommandsRequest
from ordertrail.v1.subscription_service_pb2 import (
    ListParkedDeliveriesRequest,
    ListSubscriptionsRequest,
    ListWebhookDeliveriesRequest,
)

if TYPE_CHECKING:
    from ordertrail.v1.order_history_service_pb2_grpc import OrderHistoryServiceAsyncStub

__all__ = ["OnAge", "OnAsOfToken", "OnMoments", "OnPage", "OnParked", "QueryMethods", "log_parked"]

OnParked = Callable[[Sequence[str]], object]
"""Called with the ids of parked orders whose events were skipped, before the events of the same page or frame."""

OnPage = Callable[[Timestamp], object]
"""Called once for each page, before its items, with the time up to which the page includes all of the log.

A server that does not know this time sends 0, the epoch.
"""

OnAge = Callable[[timedelta], object]
"""Called once for each page, before its items, with its age: the time since OnPage's time, by the server's clock.

Not called if the server does not know this age.
"""

OnMoments = Callable[[str, str], object]
"""Called once with the two moments of a diff as tokens. The next diff can begin at the second one."""

OnAsOfToken = Callable[[str], object]
"""Called once for each page of a listing as of a moment, before its items, with the token that repeats the listing."""

_log = logging.getLogger(__name__)

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)
Paged = TypeVar(
    "Paged",
    ListOrdersRequest,
    ListOrderEventsRequest,
    ListProductTotalsRequest,
    ListParkedOrdersRequest,
    ListCommandsRequest,
    ListSubscriptionsRequest,
    ListParkedDeliveriesRequest,
    ListWebhookDeliveriesRequest,
)
DatedPage = ListOrdersResponse | ListOrderEventsResponse | ListProductTotalsResponse


def log_parked(order_ids: Sequence[str]) -> None:
    """Log a warning that events of parked orders were skipped."""
    _log.warning(
        "events of parked orders were skipped; list the events of each order once it is not parked any more: %s",
        ", ".join(order_ids),
    )


def _report_recency(page: DatedPage, on_page: OnPage, on_age: OnAge) -> None:
    on_page(page.current_at)
    if page.HasField("age"):
        on_age(page.age.ToTimedelta())


class Rpc(Protocol[Request, Response]):
    """A unary rpc of a stub."""

    def __call__(self, request: Request, *, timeout: float) -> Awaitable[Response]: ...


class QueryMethods:
    """The methods that query. `ordertrail.query_conditions` explains their keywords. `timeout` is per call, in seconds.

    Reads may lag behind commands by a moment; `at_least_as_fresh=[receipt.consistency_token]` makes them wait.
    """

    history: "OrderHistoryServiceAsyncStub"
    timeout: float

    async def get(self, order_id: str, *, timeout: float | None = None, **point: Unpack[OrderPoint]) -> Order:
        """Return an order as it is, or as it was at a point in time. Raises NotFound if it does not exist then."""
        request = add_conditions(GetOrderRequest(order_id=order_id), point)
        return (await self._call(self.history.GetOrder, request, timeout)).order

    async def list_orders(
        self,
        *,
        timeout: float | None = None,
        on_page: OnPage = lambda _: None,
        on_age: OnAge = lambda _: None,
        on_as_of_token: OnAsOfToken = lambda _: None,
        **conditions: Unpack[OrderConditions],
    ) -> AsyncGenerator[Order, None]:
        """Yield orders as they are or were, the latest first. Each page is fetched when its first order is needed."""
        request = add_conditions(ListOrdersRequest(), conditions)
        async for page in self._pages(self.history.ListOrders, request, timeout):
            _report_recency(page, on_page, on_age)
            if page.as_of_token:
                on_as_of_token(page.as_of_token)
            elif request.WhichOneof("as_of"):
                message = "The server ignores the moment of the question, because its release is older; upgrade it."
                raise ServerFault(grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", message)
            for order in page.orders:
                yield order

    async def list_events(
        self,
        *,
        timeout: float | None = None,
        on_parked: OnParked = log_parked,
        on_page: OnPage = lambda _: None,
        on_age: OnAge = lambda _: None,
        **conditions: Unpack[EventConditions],
    ) -> AsyncGenerator[HistoryEvent, None]:
        """Yield the events of an order or of a customer, by default the earliest first. Pages are fetched when needed.

        `on_parked` is called with the customer's parked orders, whose events are skipped; see `stream`.
        """
        request = add_conditions(ListOrderEventsRequest(), conditions)
        if request.WhichOneof("subject") is None:
            raise TypeError("list_events needs order_id or customer_id.")
        async for page in self._pages(self.history.ListOrderEvents, request, timeout):
            _report_recency(page, on_page, on_age)
            if page.parked_order_ids:
                on_parked(page.parked_order_ids)
            for event in page.events:
                yield event

    async def diff_orders(
        self,
        *,
        timeout: float | None = None,
        on_parked: OnParked = log_parked,
        on_moments: OnMoments = lambda first, second: None,
        **conditions: Unpack[DiffConditions],
    ) -> AsyncGenerator[OrderDiff, None]:
        """Yield the orders that changed between two moments, each with its states and all events between.

        `timeout` limits the whole call. `on_parked` is called with parked orders whose facts the answer may lack.
        """
        request = add_conditions(DiffOrdersRequest(), conditions)
        if request.WhichOneof("start") is None:
            raise TypeError("diff_orders needs recorded_from or from_token.")
        diff = OrderDiff()
        try:
            async for frame in self.history.DiffOrders(request, timeout=timeout):
                if frame.until_token:
                    on_moments(frame.from_token, frame.until_token)
                if frame.parked_order_ids:
                    on_parked(frame.parked_order_ids)
                for piece in frame.diffs:
                    diff.MergeFrom(piece)
                    if piece.HasField("after"):
                        yield diff
                        diff = OrderDiff()
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    async def list_product_totals(
        self,
        *,
        timeout: float | None = None,
        on_page: OnPage = lambda _: None,
        on_age: OnAge = lambda _: None,
        **conditions: Unpack[ProductTotalConditions],
    ) -> AsyncGenerator[ProductTotal, None]:
        """Yield how much of each product was ordered, shipped and returned on each UTC day, the earliest day first.

        Pages are fetched when they are needed.
        """
        request = add_conditions(ListProductTotalsRequest(), conditions)
        async for page in self._pages(self.history.ListProductTotals, request, timeout):
            _report_recency(page, on_page, on_age)
            for total in page.totals:
                yield total

    async def stream(
        self,
        *,
        silence: float = 60.0,
        patience: float = 60.0,
        on_parked: OnParked = log_parked,
        **conditions: Unpack[StreamConditions],
    ) -> AsyncGenerator[HistoryEvent, None]:
        """Yield events as they arrive, each once, and reconnect as often as needed; see `stream_frames`.

        Events of parked orders are skipped, and this stream does not send them later. `on_parked` is called with the
        ids of these orders. List the events of each order, after the last event that you have, once it is not parked.
        """
        async with aclosing(self.stream_frames(silence=silence, patience=patience, **conditions)) as frames:
            async for frame in frames:
                if frame.parked_order_ids:
                    on_parked(frame.parked_order_ids)
                for event in frame.events:
                    yield event

    async def stream_frames(
        self, *, silence: float = 60.0, patience: float = 60.0, **conditions: Unpack[StreamConditions]
    ) -> AsyncGenerator[StreamOrderEventsResponse, None]:
        """Yield frames: events, the token to resume after them, and the ids of parked orders whose events are skipped.

        A stream whose connection is lost is resumed from its last token. The connection counts as lost after `silence`
        seconds without a frame or heartbeat. Raises Unavailable when attempts have failed for `patience` seconds.
        """
        request = add_conditions(StreamOrderEventsRequest(), conditions)
        async with aclosing(stream_frames(self.history, request, silence=silence, patience=patience)) as frames:
            async for frame in frames:
                yield frame

    async def _pages(self, rpc: Rpc[Paged, Any], request: Paged, timeout: float | None) -> AsyncGenerator[Any, None]:
        while True:
            page = await self._call(rpc, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _call(self, rpc: Rpc[Request, Response], request: Request, timeout: float | None) -> Response:
        try:
            return await rpc(request, timeout=self.timeout if timeout is None else timeout)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
