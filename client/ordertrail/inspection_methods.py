"""The methods of the client for operators: explain records, list event schemas, inspect and retry parked orders."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from ordertrail.query_methods import QueryMethods
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

__all__ = ["InspectionMethods"]


class InspectionMethods(QueryMethods):
    """The methods that inspect how a server reads its log. `timeout` is per call, in seconds."""

    projection: "ProjectionServiceAsyncStub"

    async def explain(self, partition: int, offset: int, *, timeout: float | None = None) -> ExplainEventResponse:
        """Explain how the server reads a record of the log. Raises NotFound if there is no such record."""
        request = ExplainEventRequest(partition=partition, offset=offset)
        return await self._call(self.projection.ExplainEvent, request, timeout)

    async def event_schemas(self, *, timeout: float | None = None) -> ListEventSchemasResponse:
        """Return every version of every event that the server knows, with its number of records in the log."""
        return await self._call(self.projection.ListEventSchemas, ListEventSchemasRequest(), timeout)

    async def parked_orders(
        self, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncGenerator[ParkedOrder, None]:
        """Yield the parked orders, the longest parked first. Pages are fetched when they are needed."""
        request = ListParkedOrdersRequest(page_size=page_size)
        async for page in self._pages(self.projection.ListParkedOrders, request, timeout):
            for order in page.orders:
                yield order

    async def parked_order(self, order_id: str, *, timeout: float | None = None) -> GetParkedOrderResponse:
        """Return a parked order and its waiting records. Raises NotFound, or Refused if the order is not parked."""
        return await self._call(self.projection.GetParkedOrder, GetParkedOrderRequest(order_id=order_id), timeout)

    async def retry_parked(self, order_id: str, *, timeout: float | None = None) -> RetryParkedOrderResponse:
        """Read the waiting records of a parked order again. Raises NotFound, or Refused if it is not parked."""
        return await self._call(self.projection.RetryParkedOrder, RetryParkedOrderRequest(order_id=order_id), timeout)
