"""A span that is being recorded. Import it only where traces are on."""

from typing import Literal

from opentelemetry.trace import Span, StatusCode

Kind = Literal["internal", "server", "client", "producer", "consumer"]
"""The kinds of spans in OpenTelemetry."""


class OpenSpan:
    """A span until its end."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """The W3C header that makes this span the parent of others."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def set(self, name: str, value: str | int) -> None:
        """Set an attribute."""
        self._span.set_attribute(name, value)

    def fail(self) -> None:
        """Mark the span as failed. What failed is in its attributes."""
        self._span.set_status(StatusCode.ERROR)

    def end(self, end_ns: int | None = None) -> None:
        """End the span, now or at a time since 1970."""
        self._span.end(end_ns)
