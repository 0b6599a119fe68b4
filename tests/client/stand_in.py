# ruff: noqa: N802  (the rpcs' names are the contract's)
"""A server of the contract that does as it is told: it notes what it was sent, and fails where a test says so."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ordertrail.client import OrderTrail, connect
from ordertrail.v1.commands_pb2 import CommandResult, ExecuteCommandsRequest, ExecuteCommandsResponse
from ordertrail.v1.order_command_service_pb2 import DESCRIPTOR as COMMANDS
from ordertrail.v1.order_command_service_pb2_grpc import (
    OrderCommandServiceServicer,
    add_OrderCommandServiceServicer_to_server,
)
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail.v1.order_history_service_pb2_grpc import (
    OrderHistoryServiceServicer,
    add_OrderHistoryServiceServicer_to_server,
)
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.projection_service_pb2 import DESCRIPTOR as PROJECTION
from ordertrail.v1.projection_service_pb2_grpc import (
    ProjectionServiceServicer,
    add_ProjectionServiceServicer_to_server,
)
from ordertrail.v1.receipt_pb2 import Receipt

Failure = tuple[grpc.StatusCode, str]
AWAY: Failure = (grpc.StatusCode.UNAVAILABLE, "away")
Frames = Callable[[StreamOrderEventsRequest], AsyncIterator[StreamOrderEventsResponse]]


class StandIn(OrderHistoryServiceServicer):
    """Fails as often as `failures` holds something, then answers."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self.deadlines: list[float] = []
        self.failures: deque[Failure] = deque()
        self.pages: deque[Message] = deque()
        self.frames: Frames
        self.batches: Callable[[ExecuteCommandsRequest], ExecuteCommandsResponse | Failure] = accept_all

    async def note(self, request: Message, context: Any) -> None:
        """Note the request, then fail if it is time to."""
        self.seen.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.deadlines.append(context.time_remaining())
        if self.failures:
            await context.abort(*self.failures.popleft())

    async def GetOrder(self, request: GetOrderRequest, context: Any) -> GetOrderResponse:
        await self.note(request, context)
        return GetOrderResponse(order=Order(order_id=request.order_id))

    async def ListOrders(self, request: ListOrdersRequest, context: Any) -> ListOrdersResponse:
        await self.note(request, context)
        return self.pages.popleft()  # type: ignore[return-value]  # a page of whichever rpc was asked

    async def ListOrderEvents(self, request: ListOrderEventsRequest, context: Any) -> ListOrderEventsResponse:
        await self.note(request, context)
        return self.pages.popleft()  # type: ignore[return-value]  # a page of whichever rpc was asked

    async def StreamOrderEvents(
        self, request: StreamOrderEventsRequest, context: Any
    ) -> AsyncIterator[StreamOrderEventsResponse]:
        await self.note(request, context)
        try:
            async for frame in self.frames(request):
                yield frame
        except Cut:
            await context.abort(*AWAY)


class Cut(Exception):
    """Ends a stream as a lost connection does."""


def accept_all(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse:
    """Answer each command with a receipt of its request id."""
    return ExecuteCommandsResponse(results=[CommandResult(receipt=receipt_of(each)) for each in batch.commands])


def receipt_of(command: Message) -> Receipt:
    """Return a receipt that names the command's order and request id."""
    said = getattr(command, command.WhichOneof("verb"))
    return Receipt(order_id=said.order_id, request_id=said.request_id)


def command_service(stand_in: StandIn) -> OrderCommandServiceServicer:
    """Return a servicer whose every verb answers with a receipt of the request's ids."""
    methods = {
        method.name: _verb(stand_in, GetMessageClass(method.output_type))
        for method in COMMANDS.services_by_name["OrderCommandService"].methods
        if not method.client_streaming
    }
    kind = type("CommandService", (OrderCommandServiceServicer,), {**methods, "ExecuteCommands": _batches(stand_in)})
    return cast(OrderCommandServiceServicer, kind())


def projection_service(stand_in: StandIn) -> ProjectionServiceServicer:
    """Return a servicer that answers every question with the next of the stand-in's pages."""
    methods = {method.name: _page(stand_in) for method in PROJECTION.services_by_name["ProjectionService"].methods}
    return cast(ProjectionServiceServicer, type("ProjectionService", (ProjectionServiceServicer,), methods)())


def _page(stand_in: StandIn) -> Any:
    async def answer(_: object, request: Any, context: Any) -> Any:
        await stand_in.note(request, context)
        return stand_in.pages.popleft()

    return answer


def _verb(stand_in: StandIn, response: Any) -> Any:
    async def answer(_: object, request: Any, context: Any) -> Any:
        await stand_in.note(request, context)
        return response(receipt=Receipt(order_id=request.order_id, request_id=request.request_id))

    return answer


def _batches(stand_in: StandIn) -> Any:
    async def answer(_: object, requests: Any, context: Any) -> Any:
        async for request in requests:
            await stand_in.note(request, context)
            response = stand_in.batches(request)
            if isinstance(response, tuple):
                await context.abort(*response)
            yield response

    return answer


@asynccontextmanager
async def serving(stand_in: StandIn, **options: Any) -> AsyncIterator[OrderTrail]:
    """Serve the stand-in on a free port, and yield a client of it."""
    server = grpc.aio.server()
    add_OrderCommandServiceServicer_to_server(command_service(stand_in), server)
    add_OrderHistoryServiceServicer_to_server(stand_in, server)
    add_ProjectionServiceServicer_to_server(projection_service(stand_in), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with connect(f"127.0.0.1:{port}", **options) as client:
            yield client
    finally:
        await server.stop(None)
