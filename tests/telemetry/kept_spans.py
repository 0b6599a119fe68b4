"""Traces whose spans stay in memory, with the exporter of the library itself."""

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ordertrail_server.telemetry.tracing import Tracing


class KeptSpans:
    """Keeps the spans of `tracing`."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing = Tracing(self._exporter, Resource.create())

    def close(self) -> list[ReadableSpan]:
        """End the traces, and return all spans."""
        self.tracing.close()
        return list(self._exporter.get_finished_spans())


def write_traceparent(number: int, *, is_sampled: bool = True) -> str:
    """Return the header of a caller's span in the trace of a number from 1 on."""
    return f"00-{number:032x}-{number:016x}-{'01' if is_sampled else '00'}"
