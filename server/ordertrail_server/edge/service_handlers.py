"""Maps the rpcs of each service to its methods."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ordertrail.v1.commands_pb2 import ExecuteCommandsRequest
from ordertrail.v1.order_history_service_pb2 import DiffOrdersRequest, StreamOrderEventsRequest
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest
from ordertrail.v1.projection_audit_pb2 import AuditProjectionsRequest
from ordertrail.v1.subscription_service_pb2 import ConsumeRequest
from ordertrail_server.access.permission import VERBS
from ordertrail_server.access.scope import Scope
from ordertrail_server.edge.admission import BatchAdmission, RequestAdmission
from ordertrail_server.edge.command_service import CommandService
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context, Gate, Permit, RpcGate
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.import_service import ImportService
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.edge.rpc_handler import (
    Handler,
    batch_handler,
    conversation_handler,
    stream_handler,
    unary_handler,
)
from ordertrail_server.edge.service_descriptors import COMMANDS, HISTORY, IMPORT, PROJECTION, SUBSCRIPTIONS
from ordertrail_server.edge.subscription_service import SubscriptionService
from ordertrail_server.schema.wire import first_field

Handlers = dict[str, Handler]


def command_handlers(
    gate: Gate,
    service: CommandService,
    admission: RequestAdmission,
    batch_admission: BatchAdmission,
    draining: Draining,
) -> Handlers:
    """Return the handlers of the verbs, and of batches of commands."""

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
        if method.input_type.full_name in VERBS
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


def history_handlers(gate: Gate, service: HistoryService, admission: RequestAdmission) -> Handlers:
    """Return the handlers of OrderHistoryService."""

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


def projection_handlers(gate: Gate, service: ProjectionService, admission: RequestAdmission) -> Handlers:
    """Return the handlers of ProjectionService."""

    def audit(request: AuditProjectionsRequest, context: Context, permit: Permit) -> AsyncGenerator[bytes, None]:
        return service.AuditProjections(request, permit.scope, context.time_remaining())

    rpc = gate.rpc(PROJECTION.full_name, "AuditProjections")
    return {
        **_query_handlers(gate, PROJECTION, service, admission),
        "AuditProjections": stream_handler(rpc, AuditProjectionsRequest, audit),
    }


def subscription_handlers(
    gate: Gate, service: SubscriptionService, admission: RequestAdmission, draining: Draining
) -> Handlers:
    """Return the handlers of SubscriptionService, whose streams `draining` ends."""

    def consume(requests: AsyncIterator[ConsumeRequest], permit: Permit) -> AsyncGenerator[bytes, None]:
        return service.Consume(requests, permit.scope)

    rpc = gate.rpc(SUBSCRIPTIONS.full_name, "Consume")
    return {
        **_query_handlers(gate, SUBSCRIPTIONS, service, admission),
        "Consume": conversation_handler(rpc, ConsumeRequest, draining, consume),
    }


def import_handlers(gate: Gate, service: ImportService, admission: BatchAdmission, draining: Draining) -> Handlers:
    """Return the handlers of OrderImportService."""

    def handle(requests: AsyncIterator[list[bytes]], context: Context, permit: Permit) -> AsyncIterator[Message]:
        return service.import_batches(requests, permit.caller, context.time_remaining())

    rpc = gate.rpc(IMPORT.full_name, "ImportOrders")
    return {"ImportOrders": batch_handler(rpc, ImportOrdersRequest, admission, draining, handle)}
