"""ProjectionService without gRPC: each method takes a valid request and returns serialized responses."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial

from ordertrail.v1.projection_audit_pb2 import AuditProjectionsRequest
from ordertrail.v1.projection_service_pb2 import (
    CompareGenerationRequest,
    CompareGenerationResponse,
    DropGenerationRequest,
    DropGenerationResponse,
    ExplainEventRequest,
    Generation as GenerationMessage,
    GetParkedOrderRequest,
    ListEventSchemasRequest,
    ListParkedOrdersRequest,
    ListProjectionsRequest,
    ListProjectionsResponse,
    PromoteGenerationRequest,
    PromoteGenerationResponse,
    RebuildProjectionRequest,
    RebuildProjectionResponse,
    ResumeProjectionRequest,
    ResumeProjectionResponse,
    RetryParkedOrderRequest,
    RetryParkedOrderResponse,
    TableComparison,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.edge.projection_messages import generation_message, projection_message
from ordertrail_server.history.event_schemas import list_schemas
from ordertrail_server.history.explain import explain_event
from ordertrail_server.history.freshness import refuse_when_late
from ordertrail_server.history.parked_orders import get_parked, list_parked, not_parked, parked_order
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.port import Log
from ordertrail_server.log.token import write_token
from ordertrail_server.projections.generation import Generation
from ordertrail_server.projections.generation_report import GenerationReport, GenerationState
from ordertrail_server.projections.host import ProjectionHost

RetryParked = Callable[[str], Awaitable[int | None]]
"""Lets the projector fold a parked order again. Returns the number of folded facts, None if the order is not parked."""


class ProjectionService:
    """Answers queries from the projections and the log, which their owner closes after the last answer.

    `orders` is the projection that judges records, `history` the one that queries are answered from. `retry` folds a
    parked order again in all projections of this server.

    Every method raises Refused. `time_remaining` is the time until the call's deadline, in seconds, None if it has
    none.
    """

    def __init__(
        self, log: Log, orders: ReadModel, history: QueriedProjection, retry: RetryParked, host: ProjectionHost
    ) -> None:
        self._log, self._orders, self._history, self._retry, self._host = log, orders, history.model, retry, host
        self._freshness = history.freshness

    async def ExplainEvent(self, request: ExplainEventRequest, scope: Scope, time_remaining: float | None) -> bytes:  # noqa: N802 (the rpc's)
        """Return a serialized ExplainEventResponse."""
        return await explain_event(
            self._log, self._orders, self._history, self._freshness, request, scope, query_deadline(time_remaining)
        )

    async def ListEventSchemas(  # noqa: N802
        self, request: ListEventSchemasRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListEventSchemasResponse."""
        await self._wait_for_projections(time_remaining)
        return await self._orders.read(partial(list_schemas, self._orders))

    async def ListParkedOrders(  # noqa: N802
        self, request: ListParkedOrdersRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListParkedOrdersResponse."""
        await self._wait_for_projections(time_remaining)
        return await self._orders.read(partial(list_parked, self._orders, request, scope))

    async def GetParkedOrder(self, request: GetParkedOrderRequest, scope: Scope, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized GetParkedOrderResponse."""
        await self._wait_for_projections(time_remaining)
        return await self._orders.read(partial(get_parked, self._orders, request.order_id, scope))

    async def RetryParkedOrder(  # noqa: N802
        self, request: RetryParkedOrderRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized RetryParkedOrderResponse. A call with an unknown outcome can be repeated."""
        order_id, deadline = request.order_id, query_deadline(time_remaining)
        # Only a projection that includes the log's present end can show that the order is not parked.
        await self._freshness.wait_until_fresh(await self._freshness.query_ends(deadline), deadline)
        if not scope.is_unbounded:
            await self._orders.read(partial(parked_order, self._orders, order_id, scope))  # it refuses a hidden order
        async with refuse_when_late(
            deadline, "The projector did not answer in time; it may still finish, so read the parked order or retry."
        ):
            folded_count = await self._retry(order_id)
        parked = await self._orders.read(partial(parked_order, self._orders, order_id, scope))
        if folded_count is None:
            raise not_parked(order_id)
        return RetryParkedOrderResponse(taken_in_count=folded_count, order=parked).SerializeToString()

    async def ListProjections(  # noqa: N802
        self, request: ListProjectionsRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListProjectionsResponse."""
        reports = [projection_message(report) for report in await self._host.report()]
        return ListProjectionsResponse(projections=reports).SerializeToString()

    async def RebuildProjection(  # noqa: N802
        self, request: RebuildProjectionRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized RebuildProjectionResponse."""
        generation = await self._host.rebuild(request.name)
        return RebuildProjectionResponse(generation=await self._find_generation(generation)).SerializeToString()

    async def CompareGeneration(  # noqa: N802
        self, request: CompareGenerationRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized CompareGenerationResponse."""
        comparison = await self._host.compare(request.name, request.number)
        offsets = {int(partition): offset for partition, offset in comparison["positions"].items()}
        return CompareGenerationResponse(
            tables=[TableComparison(**table) for table in comparison["tables"]],
            consistency_token=write_token(self._log.identity, offsets),
        ).SerializeToString()

    async def PromoteGeneration(  # noqa: N802
        self, request: PromoteGenerationRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized PromoteGenerationResponse."""
        generation = await self._host.promote(request.name, request.number)
        return PromoteGenerationResponse(generation=await self._find_generation(generation)).SerializeToString()

    async def DropGeneration(self, request: DropGenerationRequest, scope: Scope, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized DropGenerationResponse."""
        definition = request.definition or self._host.definition_of(request.name)
        await self._host.drop(Generation(request.name, definition, request.number))
        return DropGenerationResponse().SerializeToString()

    async def ResumeProjection(  # noqa: N802
        self, request: ResumeProjectionRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ResumeProjectionResponse."""
        await self._host.resume(request.name)
        return ResumeProjectionResponse().SerializeToString()

    async def AuditProjections(  # noqa: N802
        self, request: AuditProjectionsRequest, scope: Scope, time_remaining: float | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield serialized AuditProjectionsResponses. If the caller closes this, the audit ends."""
        async with aclosing(self._host.audit(request.names)) as messages:
            async for message in messages:
                yield message

    def drain(self) -> None:
        """End the running audit, because the server stops."""
        self._host.end_audit()

    async def _find_generation(self, generation: Generation) -> GenerationMessage:
        reports = [line for report in await self._host.report() for line in report.generations]
        # A build that has just begun has no file yet.
        begun = GenerationReport(generation, GenerationState.BUILDING, 0, 0, 0)
        return generation_message(next((line for line in reports if line.generation == generation), begun))

    async def _wait_for_projections(self, time_remaining: float | None) -> None:
        deadline = query_deadline(time_remaining)
        await self._freshness.wait_until_fresh((0,) * self._orders.partitions, deadline)
