"""Traces with OpenTelemetry: spans, and their export in the background. Import it only where traces are on."""

from collections.abc import Mapping
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ordertrail_server.telemetry.span import Kind, OpenSpan

CLOSE_S = 0.75
"""How long the end of a process waits for the receiver. A server and its projector end one after the other."""

Attributes = Mapping[str, str | int]

# The parent of a new trace. Without it, the library would take its own current span.
_NO_PARENT = Context()
_PROPAGATOR = TraceContextTextMapPropagator()
_KINDS = {kind.name.lower(): kind for kind in SpanKind}


class Tracing:
    """Creates the spans of one process. They wait in a bounded queue, and a thread exports them.

    If the queue is full, spans are dropped: neither a slow receiver nor a dead one delays the code that ends a span.
    """

    def __init__(self, exporter: SpanExporter, resource: Resource) -> None:
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("ordertrail")

    def start(
        self, name: str, kind: Kind, traceparent: str, attributes: Attributes, tracestate: str = ""
    ) -> OpenSpan | None:
        """Begin a span in the trace of a W3C header, or in a new trace if that is missing or invalid.

        Returns None if the sampler decides not to record it.
        """
        parent = _PROPAGATOR.extract({"traceparent": traceparent, "tracestate": tracestate}, _NO_PARENT)
        span = self._tracer.start_span(name, parent, _KINDS[kind], attributes)
        return OpenSpan(span) if span.is_recording() else None

    def start_linked(self, name: str, kind: Kind, traceparent: str, attributes: Attributes) -> OpenSpan | None:
        """Begin a new trace that is linked to another one. Returns None if either is not recorded."""
        linked = _read(traceparent)
        if not linked.trace_flags.sampled:
            return None
        span = self._tracer.start_span(name, _NO_PARENT, _KINDS[kind], attributes, [Link(linked)])
        return OpenSpan(span) if span.is_recording() else None

    def record(
        self,
        name: str,
        kind: Kind,
        traceparent: str,
        attributes: Attributes,
        begin_ns: int,
        end_ns: int,
        *,
        has_failed: bool = False,
    ) -> None:
        """Record a span that has ended, if its parent was recorded. Times are nanoseconds since 1970."""
        parent = _PROPAGATOR.extract({"traceparent": traceparent}, _NO_PARENT)
        if get_current_span(parent).get_span_context().trace_flags.sampled:
            span = OpenSpan(self._tracer.start_span(name, parent, _KINDS[kind], attributes, start_time=begin_ns))
            if has_failed:
                span.fail()
            span.end(end_ns)

    def is_valid(self, traceparent: str) -> bool:
        """Return whether a W3C header can be continued."""
        return _read(traceparent).is_valid

    def close(self) -> None:
        """Export what is left, for at most CLOSE_S. Blocks."""
        # The library itself would wait for 30 s, and has no public way to bound it. The thread ends with the process.
        closing = Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(CLOSE_S)


def _read(traceparent: str) -> SpanContext:
    return get_current_span(_PROPAGATOR.extract({"traceparent": traceparent}, _NO_PARENT)).get_span_context()
