"""What a call is about, for its log lines: rpc, trace, request and order, or the number of commands of its batches."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from ordertrail_server.edge.batch_subject import BatchKind, find_batch_kind, open_batch_subject, read_batch
from ordertrail_server.edge.caller import read_traceparent
from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.request_ids import parse_small, read_ids
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.edge.wrapped_handler import Behavior, wrap_handler
from ordertrail_server.logs.call_fields import Fields, set_call_fields, trace_id_of

ReadFields = Callable[[], Fields]


def name_subjects(method: MethodDescriptor, handler: Handler) -> Handler:
    """Return the same handler, whose log lines name what the call is about. The request is parsed for a line only."""
    rpc, kind = f"{method.containing_service.name}/{method.name}", method.input_type
    batch_kind = find_batch_kind(kind)

    def named(behavior: Behavior) -> Behavior:
        async def run(request: Any, context: Context) -> Any:
            read_request = _reader_of(kind, batch_kind, request)
            set_call_fields(lambda: {"rpc": rpc, **_read_trace(context), **read_request()})
            return await behavior(request, context)

        return run

    return wrap_handler(handler, named, named)


def _read_trace(context: Context) -> Fields:
    trace_id = trace_id_of(read_traceparent(context.invocation_metadata() or ()))
    return {"trace_id": trace_id} if trace_id else {}


def _reader_of(kind: Descriptor, batch_kind: BatchKind | None, request: Any) -> ReadFields:
    """Return what reads the subject of a serialized request, or of a stream of batches as they arrive."""
    if not isinstance(request, bytes):
        return dict if batch_kind is None else open_batch_subject(batch_kind).fields
    if batch_kind is not None:
        return lambda: read_batch(batch_kind, request)
    return lambda: _read_ids(kind, request)


def _read_ids(kind: Descriptor, request: bytes) -> Fields:
    message = parse_small(kind, request)
    return {} if message is None else read_ids(message)
