"""The client's questions: what orders are and were, page by page, and streams of events."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Unpack

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail import tail
from ordertrail.errors import from_rpc_error
from ordertrail.questions import EventConditions, OrderConditions, OrderPoint, StreamConditions, ask
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.projection_service_pb2 import ListParkedOrdersRequest

if TYPE_CHECKING:
    from ordertrail.v1.order_history_service_pb2_grpc import OrderHistoryServiceAsyncStub

__all__ = ["Asking", "OnAge", "OnPage", "OnParked", "log_parked"]

OnParked = Callable[[Sequence[str]], object]
"""Is told the ids of parked orders of which events were passed over, before the events that came with them."""

OnPage = Callable[[Timestamp], object]
"""Is told of each page, before what is on it, at which time the log held nothing that the page does not include.

A server that does not know says 0: the epoch.
"""

OnAge = Callable[[timedelta], object]
"""Is told of each page, before what is on it, how old it is: the time since what OnPage is told, by the server's clock.

It is not told by a server that does not know.
"""

_log = logging.getLogger(__name__)

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)
Paged = TypeVar("Paged", ListOrdersRequest, ListOrderEventsRequest, ListParkedOrdersRequest)


def log_parked(order_ids: Sequence[str]) -> None:
    """Log a warning that events of parked orders were passed over."""
    _log.warning("events of parked orders were passed over; list each one's later: %s", ", ".join(order_ids))


def _report_recency(page: ListOrdersResponse | ListOrderEventsResponse, on_page: OnPage, on_age: OnAge) -> None:
    on_page(page.current_at)
    if page.HasField("age"):
        on_age(page.age.ToTimedelta())


class Rpc(Protocol[Request, Response]):
    """A unary rpc of a stub."""

    def __call__(self, request: Request, *, timeout: float) -> Awaitable[Response]: ...


class Asking:
    """Asks. What each question takes by keyword is told in `ordertrail.questions`; `timeout` is per call, in seconds.

    Reads may lag behind commands by a moment; `at_least_as_fresh=[receipt.consistency_token]` makes them wait.
    """

    history: "OrderHistoryServiceAsyncStub"
    timeout: float

    async def get(self, order_id: str, *, timeout: float | None = None, **point: Unpack[OrderPoint]) -> Order:
        """Return an order as it is, or as it was. Raises NotFound where there is, or was, none."""
        request = ask(GetOrderRequest(order_id=order_id), point)
        return (await self._ask(self.history.GetOrder, request, timeout)).order

    async def list_orders(
        self,
        *,
        timeout: float | None = None,
        on_page: OnPage = lambda _: None,
        on_age: OnAge = lambda _: None,
        **conditions: Unpack[OrderConditions],
    ) -> AsyncGenerator[Order, None]:
        """Yield orders, the latest first; the next page is fetched when it is needed."""
        async for page in self._pages(self.history.ListOrders, ask(ListOrdersRequest(), conditions), timeout):
            _report_recency(page, on_page, on_age)
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
        """Yield the events of an order or of a customer, the earliest first; pages are fetched as they are needed.

        `on_parked` is told of orders of the customer whose events are passed over; see `stream`.
        """
        request = ask(ListOrderEventsRequest(), conditions)
        if request.WhichOneof("subject") is None:
            raise TypeError("Give one of order_id, customer_id.")
        async for page in self._pages(self.history.ListOrderEvents, request, timeout):
            _report_recency(page, on_page, on_age)
            if page.parked_order_ids:
                on_parked(page.parked_order_ids)
            for event in page.events:
                yield event

    async def stream(
        self,
        *,
        silence: float = 60.0,
        patience: float = 60.0,
        on_parked: OnParked = log_parked,
        **conditions: Unpack[StreamConditions],
    ) -> AsyncGenerator[HistoryEvent, None]:
        """Yield events as they come, each once, over as many connections as it takes; see `stream_frames`.

        Events of parked orders are passed over, and this stream will not send them later. `on_parked` is told of those
        orders: list the events of each, from the last that you have on, once its order is parked no more.
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
        """Yield frames of events, each with the token that continues behind it, and parked orders that it passes over.

        A cut stream is taken up again from its last resume token. After `silence` seconds without a frame, heartbeats
        included, it counts as cut. Raises Unavailable when attempts have failed for `patience` seconds.
        """
        request = ask(StreamOrderEventsRequest(), conditions)
        async with aclosing(tail.frames(self.history, request, silence=silence, patience=patience)) as frames:
            async for frame in frames:
                yield frame

    async def _pages(self, rpc: Rpc[Paged, Any], request: Paged, timeout: float | None) -> AsyncGenerator[Any, None]:
        while True:
            page = await self._ask(rpc, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _ask(self, rpc: Rpc[Request, Response], request: Request, timeout: float | None) -> Response:
        try:
            return await rpc(request, timeout=self.timeout if timeout is None else timeout)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
