# ruff: noqa: N802  (the rpcs' names are the contract's)
"""A stub server of the contract: it records requests, and answers or fails as a test configures."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
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
    DiffOrdersRequest,
    DiffOrdersResponse,
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    ListProductTotalsRequest,
    ListProductTotalsResponse,
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
from ordertrail.v1.submitted_commands_pb2 import SubmittedCommand, WatchCommandResponse

Failure = tuple[grpc.StatusCode, str]
AWAY: Failure = (grpc.StatusCode.UNAVAILABLE, "away")
Frames = Callable[[StreamOrderEventsRequest], AsyncIterator[StreamOrderEventsResponse]]


class StubServer(OrderHistoryServiceServicer):
    """Fails once for each element of `failures`, then answers."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self.deadlines: list[float] = []
        self.failures: deque[Failure] = deque()
        self.pages: deque[Message] = deque()
        self.frames: Frames
        self.watches: deque[Sequence[SubmittedCommand | Failure | None]] = deque()
        """For each watch the commands that it yields; a failure ends it, None lets it wait for ever."""
        self.batches: Callable[[ExecuteCommandsRequest], ExecuteCommandsResponse | Failure] = accept_all

    async def record(self, request: Message, context: Any) -> None:
        """Record the request, then fail if a failure is left."""
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.deadlines.append(context.time_remaining())
        if self.failures:
            await context.abort(*self.failures.popleft())

    async def GetOrder(self, request: GetOrderRequest, context: Any) -> GetOrderResponse:
        await self.record(request, context)
        return GetOrderResponse(order=Order(order_id=request.order_id))

    async def ListOrders(self, request: ListOrdersRequest, context: Any) -> ListOrdersResponse:
        await self.record(request, context)
        return self.pages.popleft()  # type: ignore[return-value]  # the test provides pages of this rpc

    async def ListOrderEvents(self, request: ListOrderEventsRequest, context: Any) -> ListOrderEventsResponse:
        await self.record(request, context)
        return self.pages.popleft()  # type: ignore[return-value]  # the test provides pages of this rpc

    async def ListProductTotals(self, request: ListProductTotalsRequest, context: Any) -> ListProductTotalsResponse:
        await self.record(request, context)
        return self.pages.popleft()  # type: ignore[return-value]  # the test provides pages of this rpc

    async def DiffOrders(self, request: DiffOrdersRequest, context: Any) -> AsyncIterator[DiffOrdersResponse]:
        await self.record(request, context)
        while self.pages:
            yield self.pages.popleft()  # type: ignore[misc]  # the test provides frames of this rpc

    async def StreamOrderEvents(
        self, request: StreamOrderEventsRequest, context: Any
    ) -> AsyncIterator[StreamOrderEventsResponse]:
        await self.record(request, context)
        try:
            async for frame in self.frames(request):
                yield frame
        except Cut as cut:
            await context.abort(*cut.failure)


class Cut(Exception):
    """Ends a stream with a failure, by default like a lost connection."""

    def __init__(self, failure: Failure = AWAY) -> None:
        self.failure = failure


def accept_all(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse:
    """Answer each command with a receipt of its request id."""
    return ExecuteCommandsResponse(
        results=[CommandResult(receipt=build_receipt(command)) for command in batch.commands]
    )


def build_receipt(command: Message) -> Receipt:
    """Return a receipt that names the command's order and request id."""
    request = getattr(command, command.WhichOneof("verb"))
    return Receipt(order_id=request.order_id, request_id=request.request_id)


def command_service(stub_server: StubServer) -> OrderCommandServiceServicer:
    """Return a servicer that answers every verb with a receipt of the request's ids, and other calls with pages."""
    methods = {
        method.name: _verb(stub_server, GetMessageClass(method.output_type))
        if "receipt" in method.output_type.fields_by_name
        else _page(stub_server)
        for method in COMMANDS.services_by_name["OrderCommandService"].methods
    }
    streams = {"ExecuteCommands": _batches(stub_server), "WatchCommand": _watch(stub_server)}
    kind = type("CommandService", (OrderCommandServiceServicer,), {**methods, **streams})
    return cast(OrderCommandServiceServicer, kind())


def projection_service(stub_server: StubServer) -> ProjectionServiceServicer:
    """Return a servicer that answers every query with the next page of the stub server, or a stream with all pages."""
    methods = {
        method.name: _pages(stub_server) if method.server_streaming else _page(stub_server)
        for method in PROJECTION.services_by_name["ProjectionService"].methods
    }
    return cast(ProjectionServiceServicer, type("ProjectionService", (ProjectionServiceServicer,), methods)())


def _page(stub_server: StubServer) -> Any:
    async def answer(_: object, request: Any, context: Any) -> Any:
        await stub_server.record(request, context)
        return stub_server.pages.popleft()

    return answer


def _pages(stub_server: StubServer) -> Any:
    async def answer(_: object, request: Any, context: Any) -> Any:
        await stub_server.record(request, context)
        while stub_server.pages:
            yield stub_server.pages.popleft()

    return answer


def _verb(stub_server: StubServer, response: Any) -> Any:
    async def answer(_: object, request: Any, context: Any) -> Any:
        await stub_server.record(request, context)
        return response(receipt=Receipt(order_id=request.order_id, request_id=request.request_id))

    return answer


def _batches(stub_server: StubServer) -> Any:
    async def answer(_: object, requests: Any, context: Any) -> Any:
        async for request in requests:
            await stub_server.record(request, context)
            response = stub_server.batches(request)
            if isinstance(response, tuple):
                await context.abort(*response)
            yield response

    return answer


def _watch(stub_server: StubServer) -> Any:
    async def answer(_: object, request: Any, context: Any) -> Any:
        await stub_server.record(request, context)
        for event in stub_server.watches.popleft():
            if isinstance(event, tuple):
                await context.abort(*event)
            elif event is None:
                await asyncio.Event().wait()
            else:
                yield WatchCommandResponse(command=event)

    return answer


@asynccontextmanager
async def serve_stub(stub_server: StubServer, listen: str = "127.0.0.1:0", **options: Any) -> AsyncIterator[OrderTrail]:
    """Run the stub server, by default on a free port, and yield a client of it."""
    server = grpc.aio.server()
    add_OrderCommandServiceServicer_to_server(command_service(stub_server), server)
    add_OrderHistoryServiceServicer_to_server(stub_server, server)
    add_ProjectionServiceServicer_to_server(projection_service(stub_server), server)
    port = server.add_insecure_port(listen)
    await server.start()
    try:
        async with connect(listen.replace(":0", f":{port}"), **options) as client:
            yield client
    finally:
        await server.stop(None)
