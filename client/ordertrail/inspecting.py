"""The client's questions to the service itself: which orders are parked, which versions of events there are."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from ordertrail.asking import Asking
from ordertrail.v1.projection_service_pb2 import (
    ExplainEventRequest,
    ExplainEventResponse,
    GetParkedOrderRequest,
    GetParkedOrderResponse,
    ListEventSchemasRequest,
    ListEventSchemasResponse,
    ListParkedOrdersRequest,
    ParkedOrder,
    RetryParkedOrderRequest,
    RetryParkedOrderResponse,
)

if TYPE_CHECKING:
    from ordertrail.v1.projection_service_pb2_grpc import ProjectionServiceAsyncStub

__all__ = ["Inspecting"]


class Inspecting(Asking):
    """Looks into how a server reads its log; for operators. `timeout` is per call, in seconds."""

    projection: "ProjectionServiceAsyncStub"

    async def explain(self, partition: int, offset: int, *, timeout: float | None = None) -> ExplainEventResponse:
        """Return what a record of the log is, and how it is read. Raises NotFound where there is none."""
        request = ExplainEventRequest(partition=partition, offset=offset)
        return await self._ask(self.projection.ExplainEvent, request, timeout)

    async def event_schemas(self, *, timeout: float | None = None) -> ListEventSchemasResponse:
        """Return every version of every event that the server knows, and how many records of each the log holds."""
        return await self._ask(self.projection.ListEventSchemas, ListEventSchemasRequest(), timeout)

    async def parked_orders(
        self, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncGenerator[ParkedOrder, None]:
        """Yield the orders that are parked, those that have waited longest first; pages are fetched as needed."""
        request = ListParkedOrdersRequest(page_size=page_size)
        async for page in self._pages(self.projection.ListParkedOrders, request, timeout):
            for order in page.orders:
                yield order

    async def parked_order(self, order_id: str, *, timeout: float | None = None) -> GetParkedOrderResponse:
        """Return a parked order and what waits of it. Raises NotFound, or Refused for an order that is not parked."""
        return await self._ask(self.projection.GetParkedOrder, GetParkedOrderRequest(order_id=order_id), timeout)

    async def retry_parked(self, order_id: str, *, timeout: float | None = None) -> RetryParkedOrderResponse:
        """Have what waits of a parked order read once more. Raises NotFound, or Refused for one that is not parked."""
        return await self._ask(self.projection.RetryParkedOrder, RetryParkedOrderRequest(order_id=order_id), timeout)
