"""Maps the rpcs of submitted commands to their service."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ordertrail.v1.order_command_service_pb2 import DESCRIPTOR
from ordertrail.v1.submitted_commands_pb2 import WatchCommandRequest
from ordertrail_server.edge.admission import RequestAdmission
from ordertrail_server.edge.gate import Context, Gate, Permit, RpcGate
from ordertrail_server.edge.rpc_handler import Handler, raw_handler, stream_handler, unary_handler
from ordertrail_server.edge.submission_service import SubmissionService
from ordertrail_server.submissions.command_finder import Viewer

QUERIES = ("GetCommand", "ListCommands", "RetryCommand", "RejectCommand")
_SERVICE = DESCRIPTOR.services_by_name["OrderCommandService"]
_METHODS = _SERVICE.methods_by_name


def submission_handlers(gate: Gate, service: SubmissionService, admission: RequestAdmission) -> dict[str, Handler]:
    """Return the handlers by the names of their rpcs."""

    async def submit(raw: bytes, context: Context, permit: Permit) -> bytes:
        with service.refuse_damage():
            return await service.submit(raw, permit.caller, context.time_remaining())

    async def watch(request: WatchCommandRequest, context: Context, permit: Permit) -> AsyncGenerator[bytes, None]:
        with service.refuse_damage():
            async with aclosing(service.WatchCommand(request, _viewer(permit), context.time_remaining())) as states:
                async for state in states:
                    yield state

    return {
        **{name: _query_handler(name, _rpc(gate, name), service, admission) for name in QUERIES},
        "SubmitCommand": raw_handler(_rpc(gate, "SubmitCommand"), admission, submit),
        "WatchCommand": stream_handler(_rpc(gate, "WatchCommand"), WatchCommandRequest, watch),
    }


def _query_handler(name: str, rpc: RpcGate, service: SubmissionService, admission: RequestAdmission) -> Handler:
    method: Callable[[Any, Viewer, float | None], Awaitable[bytes]] = getattr(service, name)

    async def handle(request: Message, context: Context, permit: Permit) -> bytes:
        with permit.count_query(), service.refuse_damage():
            return await method(request, _viewer(permit), context.time_remaining())

    return unary_handler(rpc, GetMessageClass(_METHODS[name].input_type), admission, handle)


def _rpc(gate: Gate, name: str) -> RpcGate:
    return gate.rpc(_SERVICE.full_name, name)


def _viewer(permit: Permit) -> Viewer:
    return Viewer(permit.scope, permit.caller.actor)
