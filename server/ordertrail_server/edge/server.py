"""The gRPC server: maps rpcs to services, and adds health and reflection."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health

from ordertrail.v1 import (
    order_command_service_pb2,
    order_history_service_pb2,
    order_import_service_pb2,
    projection_service_pb2,
    subscription_service_pb2,
)
from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail.v1.order_history_service_pb2 import DiffOrdersRequest, StreamOrderEventsRequest
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest
from ordertrail.v1.projection_audit_pb2 import AuditProjectionsRequest
from ordertrail.v1.subscription_service_pb2 import ConsumeRequest
from ordertrail_server.access.scope import Scope
from ordertrail_server.edge.access_log import enable_access_log, log_calls
from ordertrail_server.edge.address import Address
from ordertrail_server.edge.admission import BatchAdmission, RequestAdmission
from ordertrail_server.edge.bind_check import require_bindable
from ordertrail_server.edge.call_acceptor import CallServer
from ordertrail_server.edge.call_subject import name_subjects
from ordertrail_server.edge.call_traces import CallTraces
from ordertrail_server.edge.caller_faults import demote_caller_faults
from ordertrail_server.edge.command_service import CommandService
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context, Gate, Permit, RpcGate
from ordertrail_server.edge.health import Health
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.import_service import ImportService
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.edge.reflection import reflection_handlers
from ordertrail_server.edge.refused_service import refusing_handlers
from ordertrail_server.edge.rpc_handler import (
    Handler,
    batch_handler,
    conversation_handler,
    stream_handler,
    unary_handler,
)
from ordertrail_server.edge.running_calls import RunningCalls
from ordertrail_server.edge.submission_handlers import submission_handlers
from ordertrail_server.edge.submission_service import SubmissionService
from ordertrail_server.edge.subscription_router import SubscriptionRouter
from ordertrail_server.edge.subscription_service import SubscriptionService
from ordertrail_server.edge.validation import BATCH_BYTES
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.wire import first_field
from ordertrail_server.telemetry.process_tracing import find_tracing

if TYPE_CHECKING:
    from ordertrail_server.edge.call_metrics import CallMetrics

COMMANDS = order_command_service_pb2.DESCRIPTOR.services_by_name["OrderCommandService"]
HISTORY = order_history_service_pb2.DESCRIPTOR.services_by_name["OrderHistoryService"]
IMPORT = order_import_service_pb2.DESCRIPTOR.services_by_name["OrderImportService"]
PROJECTION = projection_service_pb2.DESCRIPTOR.services_by_name["ProjectionService"]
SUBSCRIPTIONS = subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"]
PENDING_CALLS = 1_000_000
OPTIONS = [
    ("grpc.max_receive_message_length", BATCH_BYTES + 1024),
    ("grpc.max_metadata_size", 16_384),
    # Two servers on one port would answer for two different logs.
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # On a fast connection the library lets a stream buffer megabytes that no handler has requested yet.
    ("grpc.http2.bdp_probe", 0),
    # The library's own bound on pending calls answers CANCELLED without details, so our bound on their bytes must
    # apply first.
    ("grpc.server.max_pending_requests", PENDING_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", PENDING_CALLS),
]
VERBS = {field.message_type for field in Command.DESCRIPTOR.oneofs_by_name["verb"].fields}
WHOLE_SERVER = ""  # the name of the whole server in grpc.health.v1
Handlers = dict[str, Handler]


class Server:
    """Serves the services that were added before its start, on one address."""

    def __init__(
        self,
        request_bytes: int,
        batch_bytes: int,
        gate: Gate,
        metrics: "CallMetrics | None" = None,
        *,
        has_access_log: bool = False,
    ) -> None:
        """Bound the bytes of single requests and of batches that are handled at once."""
        self._gate, self._metrics, self._has_access_log = gate, metrics, has_access_log
        tracing = find_tracing()
        self._traces = None if tracing is None else CallTraces(tracing)
        if has_access_log:
            enable_access_log()
        self._requests, self._batches = RequestAdmission(request_bytes), BatchAdmission(batch_bytes)
        demote_caller_faults()
        self._server = CallServer(OPTIONS)
        self._health = Health()
        self._history: HistoryService | None = None
        self._projection: ProjectionService | None = None
        self._submissions: SubmissionService | None = None
        self._draining = Draining()
        self._running = RunningCalls()
        self._services: list[str] = []
        self._server.add_registered_method_handlers(health.SERVICE_NAME, self._health.handlers(gate))

    def answer_commands(self, commands: CommandService, imports: ImportService, submissions: SubmissionService) -> None:
        """Serve commands, imports and submitted commands."""
        self._submissions = submissions
        verbs = _command_handlers(self._gate, commands, self._requests, self._batches, self._draining)
        self._add(COMMANDS, {**verbs, **submission_handlers(self._gate, submissions, self._requests)})
        self._add(IMPORT, _import_handlers(self._gate, imports, self._batches, self._draining))

    def answer_queries(self, history: HistoryService, projection: ProjectionService) -> None:
        """Serve queries of the read model."""
        self._history, self._projection = history, projection
        self._add(HISTORY, _history_handlers(self._gate, history, self._requests))
        self._add(PROJECTION, _projection_handlers(self._gate, projection, self._requests))

    def refuse_subscriptions(self, refusal: Refusal) -> None:
        """Refuse all calls about subscriptions."""
        self._add(SUBSCRIPTIONS, refusing_handlers(self._gate, SUBSCRIPTIONS, refusal))

    def answer_subscriptions(self, subscriptions: SubscriptionService) -> None:
        """Serve subscriptions and their consumers."""
        self._add(SUBSCRIPTIONS, _subscription_handlers(self._gate, subscriptions, self._requests, self._draining))

    def route_subscriptions(self, router: SubscriptionRouter) -> None:
        """Answer or forward calls about subscriptions."""
        self._add(SUBSCRIPTIONS, router.handlers())

    def create_router(self) -> SubscriptionRouter:
        """Return a router of calls about subscriptions, which reports whether it can answer them."""

        def report() -> None:
            self.set_serving(SUBSCRIPTIONS.full_name, router.can_answer)

        router = SubscriptionRouter(self._gate, self._draining, self._requests, report)
        return router

    def subscription_handlers(self, subscriptions: SubscriptionService, draining: Draining) -> Handlers:
        """Return the handlers of a service of subscriptions, whose streams `draining` ends."""
        return _subscription_handlers(self._gate, subscriptions, self._requests, draining)

    def _add(self, service: ServiceDescriptor, handlers: Handlers) -> None:
        missing = {method.name for method in service.methods} - handlers.keys()
        if missing:
            raise AssertionError(f"{service.full_name} has rpcs without a handler: {missing}")
        self._services.append(service.full_name)
        counted_handlers = {name: self._running.count_calls(handler) for name, handler in handlers.items()}
        if self._metrics is not None:
            counted_handlers = {
                name: self._metrics.measure(service.full_name, name, handler)
                for name, handler in counted_handlers.items()
            }
        if self._has_access_log:
            counted_handlers = {name: log_calls(handler) for name, handler in counted_handlers.items()}
        named_handlers = {
            name: name_subjects(service.methods_by_name[name], handler) for name, handler in counted_handlers.items()
        }
        if self._traces is not None:  # outermost, so that log lines name the trace too
            trace = self._traces.trace
            named_handlers = {name: trace(service.full_name, name, handler) for name, handler in named_handlers.items()}
        self._server.add_registered_method_handlers(service.full_name, named_handlers)

    async def start(self, address: Address, credentials: grpc.ServerCredentials | None = None) -> Address:
        """Listen on the address and return it with its port (0: any free one). Raises OSError with the reason.

        Without credentials, connections are not encrypted.
        """
        await asyncio.to_thread(require_bindable, address)
        try:
            port = self._listen(str(address), credentials)
        except RuntimeError as error:  # another program has just taken the address
            await asyncio.to_thread(require_bindable, address)
            raise OSError(f"cannot listen on {address}: gRPC refuses it; try again, or write an IP address") from error
        reflection = reflection_handlers(self._gate, [*self._services, health.SERVICE_NAME], self._draining)
        for name, handlers in reflection.items():
            self._server.add_registered_method_handlers(name, handlers)
        for service in (WHOLE_SERVER, *self._services):
            self.set_serving(service, False)
        await self._start()
        return address.with_port(port)

    def _listen(self, address: str, credentials: grpc.ServerCredentials | None) -> int:
        if credentials is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, credentials)

    async def _start(self) -> None:
        starting = asyncio.ensure_future(self._server.start())
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:  # if the library's start itself is cancelled, its server fails with an error
            await starting
            await self._server.stop(0)
            raise

    async def raise_on_failure(self) -> None:
        """Wait until the server stops. Raises ListeningFailed if it stopped by itself."""
        await self._server.raise_on_failure()

    @property
    def is_serving(self) -> bool:
        """Whether the whole server answers, and does not stop."""
        return self._health.is_serving(WHOLE_SERVER)

    def set_serving(self, service: str, serving: bool) -> None:
        """Set the health status of a service, as grpc.health.v1 reports it."""
        self._health.set_serving(service, serving)

    async def stop(self, grace: float) -> None:
        """Report NOT_SERVING, end streams where they can be resumed, and give running calls `grace` seconds to finish.

        A call whose caller does not read its answers is ended once no other call is running.
        """
        self._health.stop()
        if self._history is not None:
            self._history.drain()
        if self._projection is not None:
            self._projection.drain()
        if self._submissions is not None:
            self._submissions.drain()
        self._draining.begin()
        stopping = asyncio.create_task(self._server.stop(grace))
        idle = asyncio.create_task(self._running.wait_idle())
        await asyncio.wait({stopping, idle}, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        await self._server.stop(0)
        await stopping


def _command_handlers(
    gate: Gate,
    service: CommandService,
    admission: RequestAdmission,
    batch_admission: BatchAdmission,
    draining: Draining,
) -> Handlers:
    async def handle(request: Message, context: Context, permit: Permit) -> bytes:
        # The responses of all verbs have the same form: the receipt as field 1.
        return first_field(await service.execute(request, permit.caller, context.time_remaining()))

    def handle_batches(
        requests: AsyncIterator[list[bytes]], context: Context, permit: Permit
    ) -> AsyncIterator[Message]:
        return service.execute_batches(requests, permit.caller, context.time_remaining())

    def rpc(name: str) -> RpcGate:
        return gate.rpc(COMMANDS.full_name, name)

    verbs = {
        method.name: unary_handler(rpc(method.name), GetMessageClass(method.input_type), admission, handle)
        for method in COMMANDS.methods
        if method.input_type in VERBS
    }
    execute_commands = batch_handler(
        rpc("ExecuteCommands"), ExecuteCommandsRequest, batch_admission, draining, handle_batches
    )
    return {**verbs, "ExecuteCommands": execute_commands}


def _query_handlers(
    gate: Gate,
    descriptor: ServiceDescriptor,
    service: HistoryService | ProjectionService | SubscriptionService,
    admission: RequestAdmission,
) -> Handlers:
    """Return the handlers of the rpcs with one request and one response: the service's methods of the same names."""

    def handler_of(
        method: Callable[[Any, Scope, float | None], Awaitable[bytes]],
    ) -> Callable[[Any, Context, Permit], Awaitable[bytes]]:
        async def handle(request: Message, context: Context, permit: Permit) -> bytes:
            with permit.count_query():
                return await method(request, permit.scope, context.time_remaining())

        return handle

    return {
        method.name: unary_handler(
            gate.rpc(descriptor.full_name, method.name),
            GetMessageClass(method.input_type),
            admission,
            handler_of(getattr(service, method.name)),
        )
        for method in descriptor.methods
        if not method.server_streaming
    }


def _history_handlers(gate: Gate, service: HistoryService, admission: RequestAdmission) -> Handlers:
    def events(request: StreamOrderEventsRequest, context: Context, permit: Permit) -> AsyncGenerator[bytes, None]:
        return service.StreamOrderEvents(request, permit.scope, context.time_remaining())

    def diffs(request: DiffOrdersRequest, context: Context, permit: Permit) -> AsyncGenerator[bytes, None]:
        return service.DiffOrders(request, permit.scope, context.time_remaining())

    def rpc(name: str) -> RpcGate:
        return gate.rpc(HISTORY.full_name, name)

    return {
        **_query_handlers(gate, HISTORY, service, admission),
        "StreamOrderEvents": stream_handler(rpc("StreamOrderEvents"), StreamOrderEventsRequest, events),
        "DiffOrders": stream_handler(rpc("DiffOrders"), DiffOrdersRequest, diffs),
    }


def _projection_handlers(gate: Gate, service: ProjectionService, admission: RequestAdmission) -> Handlers:
    def audit(request: AuditProjectionsRequest, context: Context, permit: Permit) -> AsyncGenerator[bytes, None]:
        return service.AuditProjections(request, permit.scope, context.time_remaining())

    rpc = gate.rpc(PROJECTION.full_name, "AuditProjections")
    return {
        **_query_handlers(gate, PROJECTION, service, admission),
        "AuditProjections": stream_handler(rpc, AuditProjectionsRequest, audit),
    }


def _subscription_handlers(
    gate: Gate, service: SubscriptionService, admission: RequestAdmission, draining: Draining
) -> Handlers:
    def consume(requests: AsyncIterator[ConsumeRequest], permit: Permit) -> AsyncGenerator[bytes, None]:
        return service.Consume(requests, permit.scope)

    rpc = gate.rpc(SUBSCRIPTIONS.full_name, "Consume")
    return {
        **_query_handlers(gate, SUBSCRIPTIONS, service, admission),
        "Consume": conversation_handler(rpc, ConsumeRequest, draining, consume),
    }


def _import_handlers(gate: Gate, service: ImportService, admission: BatchAdmission, draining: Draining) -> Handlers:
    def handle(requests: AsyncIterator[list[bytes]], context: Context, permit: Permit) -> AsyncIterator[Message]:
        return service.import_batches(requests, permit.caller, context.time_remaining())

    rpc = gate.rpc(IMPORT.full_name, "ImportOrders")
    return {"ImportOrders": batch_handler(rpc, ImportOrdersRequest, admission, draining, handle)}
