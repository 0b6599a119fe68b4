"""The gRPC server: which rpc is answered by which service, health, reflection."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2_grpc

from ordertrail.v1 import (
    order_command_service_pb2,
    order_history_service_pb2,
    order_import_service_pb2,
    projection_service_pb2,
)
from ordertrail.v1.commands_pb2 import ExecuteCommandsRequest
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest
from ordertrail_server.edge.address import Address
from ordertrail_server.edge.admission import BatchAdmission, RequestAdmission
from ordertrail_server.edge.command_service import CommandService
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gone_callers import quieten_gone_callers
from ordertrail_server.edge.health import Health
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.import_service import ImportService
from ordertrail_server.edge.listening import require_free
from ordertrail_server.edge.methods import Context, Handler, batches, caller, stream, unary
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.edge.reflection import reflection
from ordertrail_server.edge.running_calls import RunningCalls
from ordertrail_server.edge.validation import BATCH_BYTES
from ordertrail_server.schema.ready_event import frame_event

COMMANDS = order_command_service_pb2.DESCRIPTOR.services_by_name["OrderCommandService"]
HISTORY = order_history_service_pb2.DESCRIPTOR.services_by_name["OrderHistoryService"]
IMPORT = order_import_service_pb2.DESCRIPTOR.services_by_name["OrderImportService"]
PROJECTION = projection_service_pb2.DESCRIPTOR.services_by_name["ProjectionService"]
PENDING_CALLS = 1_000_000
OPTIONS = [
    ("grpc.max_receive_message_length", BATCH_BYTES + 1024),
    ("grpc.max_metadata_size", 16_384),
    # Two servers on one port would each answer for a log of its own.
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # The library's own bound on calls that it has not handed over yet answers CANCELLED, without details: ours on their
    # bytes is to answer first.
    ("grpc.server.max_pending_requests", PENDING_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", PENDING_CALLS),
]
EVERYTHING = ""  # the name under which grpc.health.v1 speaks of the server as a whole
Handlers = dict[str, Handler]


class Server:
    """Serves on one address what is added before it starts."""

    def __init__(self, request_bytes: int, batch_bytes: int) -> None:
        """Take at most so many bytes of single requests, and of batches, at once."""
        self._requests, self._batches = RequestAdmission(request_bytes), BatchAdmission(batch_bytes)
        quieten_gone_callers()
        self._server = grpc.aio.server(options=OPTIONS)
        self._health = Health()
        self._history: HistoryService | None = None
        self._draining = Draining()
        self._running = RunningCalls()
        self._services: list[str] = []
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def answer_commands(self, commands: CommandService, imports: ImportService) -> None:
        """Serve what orders are changed by."""
        self._add(COMMANDS, _commands(commands, self._requests, self._batches, self._draining))
        self._add(IMPORT, _imports(imports, self._batches, self._draining))

    def answer_queries(self, history: HistoryService, projection: ProjectionService) -> None:
        """Serve what is asked of the read model."""
        self._history = history
        self._add(HISTORY, _history(history, self._requests))
        self._add(PROJECTION, _answers(PROJECTION, projection, self._requests))

    def _add(self, service: ServiceDescriptor, handlers: Handlers) -> None:
        missing = {method.name for method in service.methods} - handlers.keys()
        if missing:
            raise AssertionError(f"{service.full_name} has rpcs that nothing answers: {missing}")
        self._services.append(service.full_name)
        counted = {name: self._running.counted(handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, counted),))

    async def start(self, address: Address) -> Address:
        """Listen on the address (port 0: any free one); returns it with its port. Raises OSError, with the reason."""
        await asyncio.to_thread(require_free, address)
        try:
            port = self._server.add_insecure_port(str(address))
        except RuntimeError as error:  # somebody else was quicker
            await asyncio.to_thread(require_free, address)
            raise OSError(f"cannot listen on {address}: {error}") from error
        self._server.add_generic_rpc_handlers(tuple(reflection([*self._services, health.SERVICE_NAME], self._draining)))
        for service in (EVERYTHING, *self._services):
            self.set_serving(service, False)
        await self._server.start()
        return address.with_port(port)

    def set_serving(self, service: str, serving: bool) -> None:
        """Say by grpc.health.v1 whether a service answers."""
        self._health.set_serving(service, serving)

    async def stop(self, grace: float) -> None:
        """Say NOT_SERVING, end streams where they can be resumed, and give calls at work `grace` seconds to finish.

        A call whose answers its caller does not read is ended once no other one is at work.
        """
        self._health.stop()
        if self._history is not None:
            self._history.drain()
        self._draining.begin()
        stopping = asyncio.create_task(self._server.stop(grace))
        unread = asyncio.create_task(self._running.none_at_work())
        await asyncio.wait({stopping, unread}, return_when=asyncio.FIRST_COMPLETED)
        unread.cancel()
        await self._server.stop(0)
        await stopping


def _commands(
    service: CommandService, admitted: RequestAdmission, batches_admitted: BatchAdmission, draining: Draining
) -> Handlers:
    async def handle(request: Message, context: Context) -> bytes:
        # All verbs are answered by one shape: the receipt as field 1.
        return frame_event(await service.execute(request, caller(context), context.time_remaining()))

    def handle_batches(requests: AsyncIterator[list[bytes]], context: Context) -> AsyncIterator[Message]:
        return service.execute_batches(requests, caller(context), context.time_remaining())

    verbs = {
        method.name: unary(GetMessageClass(method.input_type), admitted, handle)
        for method in COMMANDS.methods
        if not method.client_streaming
    }
    execute_commands = batches(ExecuteCommandsRequest, batches_admitted, draining, handle_batches)
    return {**verbs, "ExecuteCommands": execute_commands}


def _answers(
    described: ServiceDescriptor, service: HistoryService | ProjectionService, admitted: RequestAdmission
) -> Handlers:
    """Return what answers those rpcs that have one request and one response: the method of the rpc's name."""

    def answer(method: Callable[[Any, float | None], Awaitable[bytes]]) -> Callable[[Any, Context], Awaitable[bytes]]:
        async def handle(request: Message, context: Context) -> bytes:
            return await method(request, context.time_remaining())

        return handle

    return {
        method.name: unary(GetMessageClass(method.input_type), admitted, answer(getattr(service, method.name)))
        for method in described.methods
        if not method.server_streaming
    }


def _history(service: HistoryService, admitted: RequestAdmission) -> Handlers:
    def frames(request: StreamOrderEventsRequest, context: Context) -> AsyncGenerator[bytes, None]:
        return service.StreamOrderEvents(request, context.time_remaining())

    return {**_answers(HISTORY, service, admitted), "StreamOrderEvents": stream(StreamOrderEventsRequest, frames)}


def _imports(service: ImportService, admitted: BatchAdmission, draining: Draining) -> Handlers:
    def handle(requests: AsyncIterator[list[bytes]], context: Context) -> AsyncIterator[Message]:
        return service.import_batches(requests, caller(context), context.time_remaining())

    return {"ImportOrders": batches(ImportOrdersRequest, admitted, draining, handle)}
