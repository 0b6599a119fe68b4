"""The gRPC server: maps rpcs to services, and adds health and reflection."""

import asyncio
from typing import TYPE_CHECKING

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health

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
from ordertrail_server.edge.gate import Gate
from ordertrail_server.edge.health import Health
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.import_service import ImportService
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.edge.reflection import reflection_handlers
from ordertrail_server.edge.refused_service import refusing_handlers
from ordertrail_server.edge.running_calls import RunningCalls
from ordertrail_server.edge.service_descriptors import COMMANDS, HISTORY, IMPORT, PROJECTION, SUBSCRIPTIONS
from ordertrail_server.edge.service_handlers import (
    Handlers,
    command_handlers,
    history_handlers,
    import_handlers,
    projection_handlers,
    subscription_handlers,
)
from ordertrail_server.edge.submission_handlers import submission_handlers
from ordertrail_server.edge.submission_service import SubmissionService
from ordertrail_server.edge.subscription_router import SubscriptionRouter
from ordertrail_server.edge.subscription_service import SubscriptionService
from ordertrail_server.edge.validation import BATCH_BYTES
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.telemetry.process_tracing import find_tracing

if TYPE_CHECKING:
    from ordertrail_server.edge.call_metrics import CallMetrics

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
WHOLE_SERVER = ""  # the name of the whole server in grpc.health.v1


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
        verbs = command_handlers(self._gate, commands, self._requests, self._batches, self._draining)
        self._server.shed_commands(f"/{COMMANDS.full_name}/{name}" for name in verbs if verbs[name].unary_unary)
        self._add(COMMANDS, {**verbs, **submission_handlers(self._gate, submissions, self._requests)})
        self._add(IMPORT, import_handlers(self._gate, imports, self._batches, self._draining))

    def answer_queries(self, history: HistoryService, projection: ProjectionService) -> None:
        """Serve queries of the read model."""
        self._history, self._projection = history, projection
        self._add(HISTORY, history_handlers(self._gate, history, self._requests))
        self._add(PROJECTION, projection_handlers(self._gate, projection, self._requests))

    def refuse_subscriptions(self, refusal: Refusal) -> None:
        """Refuse all calls about subscriptions."""
        self._add(SUBSCRIPTIONS, refusing_handlers(self._gate, SUBSCRIPTIONS, refusal))

    def answer_subscriptions(self, subscriptions: SubscriptionService) -> None:
        """Serve subscriptions and their consumers."""
        self._add(SUBSCRIPTIONS, subscription_handlers(self._gate, subscriptions, self._requests, self._draining))

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
        return subscription_handlers(self._gate, subscriptions, self._requests, draining)

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
