"""Spans of calls, by OpenTelemetry's conventions for gRPC. What is done for a call continues the trace of its span.

Source: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from ordertrail_server.edge.call_code import code_of
from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.edge.wrapped_handler import Behavior, wrap_handler

if TYPE_CHECKING:
    from ordertrail_server.telemetry.span import OpenSpan
    from ordertrail_server.telemetry.tracing import Tracing

TRACEPARENT, TRACESTATE, STATUS_DETAILS = "traceparent", "tracestate", "grpc-status-details-bin"
Metadata = tuple[tuple[str, str | bytes], ...]

# With these codes a server says that it has failed. With the others it refuses a request, as it should.
_FAILURES = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}


class CallTraces:
    """Wraps handlers so that each call has a span."""

    def __init__(self, tracing: "Tracing") -> None:
        self._tracing = tracing

    def trace(self, service: str, method: str, handler: Handler) -> Handler:
        """Return the same handler, with a span for each call."""
        wrap = partial(self._trace_behavior, f"{service}/{method}")
        return wrap_handler(handler, wrap, wrap)

    def _trace_behavior(self, rpc: str, answer: Behavior) -> Behavior:
        async def behavior(request: Any, context: Context) -> Any:
            with self._open_span(rpc, context) as traced_context:
                return await answer(request, traced_context)

        return behavior

    @contextmanager
    def _open_span(self, rpc: str, context: Context) -> Iterator[Any]:
        metadata: Metadata = tuple(context.invocation_metadata() or ())
        span = self._start_span(rpc, metadata)
        if span is None:
            yield context
            return
        code = "OK"
        try:
            yield _TracedContext(context, _continue_trace(metadata, span))
        except BaseException as error:
            code = code_of(error, context).name
            raise
        finally:
            _end_span(span, code, context)

    def _start_span(self, rpc: str, metadata: Metadata) -> "OpenSpan | None":
        headers = {name: str(value) for name, value in metadata if name in (TRACEPARENT, TRACESTATE)}
        attributes = {"rpc.system.name": "grpc", "rpc.method": rpc}
        traceparent, tracestate = headers.get(TRACEPARENT, ""), headers.get(TRACESTATE, "")
        return self._tracing.start(rpc, "server", traceparent, attributes, tracestate)


class _TracedContext:
    """The context of a call, whose metadata names the call's span as the parent of what follows."""

    def __init__(self, context: Context, metadata: Metadata) -> None:
        self._context, self._metadata = context, metadata

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _continue_trace(metadata: Metadata, span: "OpenSpan") -> Metadata:
    """Replace the caller's header by that of the span. An invalid one has no effect: W3C asks for a new trace then."""
    return (*[pair for pair in metadata if pair[0] != TRACEPARENT], (TRACEPARENT, span.traceparent))


def _end_span(span: "OpenSpan", code: str, context: Context) -> None:
    span.set("rpc.response.status_code", code)
    if code != "OK":
        span.set("error.type", _reason_of(context) or code)
    if code in _FAILURES:
        span.fail()
    span.end()


def _reason_of(context: Context) -> str:
    """Return the reason of a refusal, from the details of its status; empty if it has none."""
    for name, value in context.trailing_metadata() or ():
        if name == STATUS_DETAILS and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    return str(info.reason)
    return ""
