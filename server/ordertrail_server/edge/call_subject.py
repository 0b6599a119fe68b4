"""What a call is about, for its log lines: rpc, trace, request and order."""

from typing import Any

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from ordertrail_server.edge.caller import read_traceparent
from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.edge.validation import COMMAND_BYTES
from ordertrail_server.edge.wrapped_handler import Behavior, wrap_handler
from ordertrail_server.logs.call_fields import Fields, set_call_fields, trace_id_of

IDS = ("request_id", "order_id", "command_id")
"""The fields of a request that its log lines name. Other fields may hold personal data or secrets."""


def name_subjects(method: MethodDescriptor, handler: Handler) -> Handler:
    """Return the same handler, whose log lines name what the call is about. The request is parsed for a line only."""
    rpc, kind = f"{method.containing_service.name}/{method.name}", method.input_type

    def named(behavior: Behavior) -> Behavior:
        async def run(request: Any, context: Context) -> Any:
            set_call_fields(lambda: _read_subject(rpc, kind, request, context))
            return await behavior(request, context)

        return run

    return wrap_handler(handler, named, named)


def _read_subject(rpc: str, kind: Descriptor, request: Any, context: Context) -> Fields:
    trace_id = trace_id_of(read_traceparent(context.invocation_metadata() or ()))
    ids = _read_ids(kind, request) if isinstance(request, bytes) else {}
    return {"rpc": rpc, **({"trace_id": trace_id} if trace_id else {}), **ids}


def _read_ids(kind: Descriptor, request: bytes) -> dict[str, str]:
    if len(request) > COMMAND_BYTES:
        return {}
    try:
        message = GetMessageClass(kind).FromString(request)
    except DecodeError:
        return {}
    return {name: value for name in IDS if name in kind.fields_by_name and (value := getattr(message, name))}
