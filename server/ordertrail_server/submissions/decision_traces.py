"""Spans of submitted commands that are decided. Each is a trace of its own, linked to that of the submission.

A command may be due days after its submission, whose trace is then over.
"""

from asyncio import Future
from typing import TYPE_CHECKING

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.refusal_status import PREFIX
from ordertrail_server.orders.refusal import Refusal

if TYPE_CHECKING:
    from ordertrail_server.telemetry.tracing import Tracing


class DecisionTraces:
    """Begins the spans of attempts at submitted commands."""

    def __init__(self, tracing: "Tracing") -> None:
        self._tracing = tracing

    def begin(self, attempt: Attempt) -> None:
        """Begin the span of an attempt, which ends with its answer. The attempt's record names the new trace.

        Nothing happens if the trace of the submission was not recorded.
        """
        attributes = {"ordertrail.order_id": attempt.order_id}
        span = self._tracing.start_linked("process command", "consumer", attempt.traceparent, attributes)
        if span is None:
            return
        attempt.traceparent = span.traceparent

        def end(answer: "Future[Answer]") -> None:
            outcome = None if answer.cancelled() else answer.result()
            if isinstance(outcome, Refusal):
                span.set("error.type", ErrorReason.Name(outcome.reason).removeprefix(PREFIX))
            span.end()

        attempt.answer.add_done_callback(end)
