"""ProjectionService, but for what is gRPC's: each method takes a validated request and returns bytes to send."""

from collections.abc import Awaitable, Callable
from functools import partial

from ordertrail.v1.projection_service_pb2 import (
    ExplainEventRequest,
    GetParkedOrderRequest,
    ListEventSchemasRequest,
    ListParkedOrdersRequest,
    ParkedOrder,
    RetryParkedOrderRequest,
    RetryParkedOrderResponse,
)
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.history.event_schemas import list_schemas
from ordertrail_server.history.explain import explain_event
from ordertrail_server.history.freshness import Freshness, unless_late
from ordertrail_server.history.parked_orders import get_parked, list_parked, not_parked, parked_order
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.port import Log
from ordertrail_server.orders.aggregate import Aggregate

RetryInReadModel = Callable[[str], Awaitable[int | None]]
"""Has the projector read a parked order again: how many facts were taken in, None if the order is not parked there."""


class ProjectionService:
    """Answers from the read model and the log; both are closed by their owner, after the last answer.

    `handler` is None where this server takes no commands.

    Every method raises Refused. `time_remaining` is what is left of the call's deadline, in seconds; None if it has
    none.
    """

    def __init__(
        self,
        log: Log,
        read_model: ReadModel,
        freshness: Freshness,
        handler: CommandHandler | None,
        retry: RetryInReadModel,
    ) -> None:
        self._log, self._model, self._freshness = log, read_model, freshness
        self._handler, self._retry = handler, retry

    async def ExplainEvent(self, request: ExplainEventRequest, time_remaining: float | None) -> bytes:  # noqa: N802 (the rpc's)
        """Return a serialized ExplainEventResponse."""
        return await explain_event(self._log, self._model, self._freshness, request, query_deadline(time_remaining))

    async def ListEventSchemas(self, request: ListEventSchemasRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized ListEventSchemasResponse."""
        await self._served(time_remaining)
        return await self._model.read(partial(list_schemas, self._model))

    async def ListParkedOrders(self, request: ListParkedOrdersRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized ListParkedOrdersResponse."""
        await self._served(time_remaining)
        return await self._model.read(partial(list_parked, self._model, request))

    async def GetParkedOrder(self, request: GetParkedOrderRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized GetParkedOrderResponse."""
        await self._served(time_remaining)
        return await self._model.read(partial(get_parked, self._model, request.order_id))

    async def RetryParkedOrder(self, request: RetryParkedOrderRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized RetryParkedOrderResponse; to be repeated where the outcome is unknown.

        The read side and the write side each fold the order again, and either may have been freed before by a call
        whose answer was lost; so each is asked, and the order is not parked where neither has it so.
        """
        order_id, by = request.order_id, query_deadline(time_remaining)
        # What the log holds now is judged before anyone is told that the order is not parked.
        await self._freshness.until(await self._freshness.ends(by), by)
        async with unless_late(by, "The projector did not answer in time; it may still read the order again."):
            taken_in = await self._retry(order_id)
        async with unless_late(by, "The log does not give the order's records; try again shortly."):
            deciding = await self._handler.retry(order_id) if self._handler else None
        parked = await self._model.read(partial(parked_order, self._model, order_id))
        if taken_in is None and deciding is None:
            raise not_parked(order_id)
        if parked is None and deciding is not None and deciding.parked:
            parked = _parked_for_commands(order_id, deciding)
        return RetryParkedOrderResponse(taken_in_count=taken_in or 0, order=parked).SerializeToString()

    async def _served(self, time_remaining: float | None) -> None:
        await self._freshness.until((0,) * self._model.partitions, query_deadline(time_remaining))


def _parked_for_commands(order_id: str, deciding: Aggregate) -> ParkedOrder:
    """Return what is known of an order that can be read, but not yet be given commands."""
    version = deciding.order.version if deciding.order else 0
    waiting = deciding.version - version
    return ParkedOrder(order_id=order_id, reason=deciding.parked, version=version, waiting_count=waiting)
