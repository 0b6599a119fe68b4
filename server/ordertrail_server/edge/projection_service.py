"""ProjectionService without gRPC: each method takes a valid request and returns serialized responses."""

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
from ordertrail_server.history.freshness import Freshness, refuse_when_late
from ordertrail_server.history.parked_orders import get_parked, list_parked, not_parked, parked_order
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.port import Log
from ordertrail_server.orders.aggregate import Aggregate

RetryInReadModel = Callable[[str], Awaitable[int | None]]
"""Lets the projector fold a parked order again. Returns the number of folded facts, None if the order is not parked."""


class ProjectionService:
    """Answers queries from the read model and the log, which their owner closes after the last answer.

    `handler` is None if this server does not handle commands.

    Every method raises Refused. `time_remaining` is the time until the call's deadline, in seconds, None if it has
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
        await self._wait_for_read_model(time_remaining)
        return await self._model.read(partial(list_schemas, self._model))

    async def ListParkedOrders(self, request: ListParkedOrdersRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized ListParkedOrdersResponse."""
        await self._wait_for_read_model(time_remaining)
        return await self._model.read(partial(list_parked, self._model, request))

    async def GetParkedOrder(self, request: GetParkedOrderRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized GetParkedOrderResponse."""
        await self._wait_for_read_model(time_remaining)
        return await self._model.read(partial(get_parked, self._model, request.order_id))

    async def RetryParkedOrder(self, request: RetryParkedOrderRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized RetryParkedOrderResponse. A call with an unknown outcome can be repeated.

        The read side and the write side each fold the order again. Both are called, because an earlier call whose
        answer was lost may have freed one of them. The order is not parked if neither has it parked.
        """
        order_id, deadline = request.order_id, query_deadline(time_remaining)
        # Only a read model that includes the log's present end can show that the order is not parked.
        await self._freshness.wait_until_fresh(await self._freshness.query_ends(deadline), deadline)
        async with refuse_when_late(
            deadline, "The projector did not answer in time; it may still finish, so read the parked order or retry."
        ):
            folded_count = await self._retry(order_id)
        async with refuse_when_late(deadline, "The log did not return the order's records in time; retry shortly."):
            write_side = await self._handler.retry(order_id) if self._handler else None
        parked = await self._model.read(partial(parked_order, self._model, order_id))
        if folded_count is None and write_side is None:
            raise not_parked(order_id)
        if parked is None and write_side is not None and write_side.parked:
            parked = _parked_for_commands(order_id, write_side)
        return RetryParkedOrderResponse(taken_in_count=folded_count or 0, order=parked).SerializeToString()

    async def _wait_for_read_model(self, time_remaining: float | None) -> None:
        await self._freshness.wait_until_fresh((0,) * self._model.partitions, query_deadline(time_remaining))


def _parked_for_commands(order_id: str, write_side: Aggregate) -> ParkedOrder:
    """Return the parked order of the write side, for an order that is parked for commands only."""
    version = write_side.order.version if write_side.order else 0
    waiting_count = write_side.version - version
    return ParkedOrder(order_id=order_id, reason=write_side.parked, version=version, waiting_count=waiting_count)
