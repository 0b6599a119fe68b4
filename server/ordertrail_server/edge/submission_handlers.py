"""Maps the rpcs of submitted commands to their service."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ordertrail.v1.order_command_service_pb2 import DESCRIPTOR
from ordertrail.v1.submitted_commands_pb2 import WatchCommandRequest
from ordertrail_server.edge.admission import RequestAdmission
from ordertrail_server.edge.rpc_handler import (
    Context,
    Handler,
    caller_from,
    raw_handler,
    stream_handler,
    unary_handler,
)
from ordertrail_server.edge.submission_service import SubmissionService

QUERIES = ("GetCommand", "ListCommands", "RetryCommand", "RejectCommand")
_METHODS = DESCRIPTOR.services_by_name["OrderCommandService"].methods_by_name


def submission_handlers(service: SubmissionService, admission: RequestAdmission) -> dict[str, Handler]:
    """Return the handlers by the names of their rpcs."""

    async def submit(raw: bytes, context: Context) -> bytes:
        with service.refuse_damage():
            return await service.submit(raw, caller_from(context), context.time_remaining())

    async def watch(request: WatchCommandRequest, context: Context) -> AsyncGenerator[bytes, None]:
        with service.refuse_damage():
            async with aclosing(service.WatchCommand(request, context.time_remaining())) as states:
                async for state in states:
                    yield state

    return {
        **{name: _query_handler(name, service, admission) for name in QUERIES},
        "SubmitCommand": raw_handler(admission, submit),
        "WatchCommand": stream_handler(WatchCommandRequest, watch),
    }


def _query_handler(name: str, service: SubmissionService, admission: RequestAdmission) -> Handler:
    method: Callable[[Any, float | None], Awaitable[bytes]] = getattr(service, name)

    async def handle(request: Message, context: Context) -> bytes:
        with service.refuse_damage():
            return await method(request, context.time_remaining())

    return unary_handler(GetMessageClass(_METHODS[name].input_type), admission, handle)
