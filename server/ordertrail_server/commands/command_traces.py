"""Spans of the steps of a command: decide, and append. A batch is decided and appended as a whole (group commit).

Each trace has its own spans of a batch, so that nobody has to follow links. Commands that share a trace, as those of
one ExecuteCommands do, share its spans. So a batch of any size costs each trace two spans at most. Spans are created
once the answer is known, from the times of the batch.
"""

from asyncio import Future
from typing import TYPE_CHECKING

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.plan_times import PlanTimes
from ordertrail_server.commands.refusal_status import PREFIX
from ordertrail_server.orders.refusal import Refusal

if TYPE_CHECKING:
    from ordertrail_server.telemetry.tracing import Tracing

DECIDE, APPEND = "decide", "append"


class CommandTraces:
    """Creates the spans of attempts on the log of a topic."""

    def __init__(self, tracing: "Tracing", topic: str) -> None:
        self._tracing, self._topic = tracing, topic

    def note_answer(self, attempt: Attempt, answer: "Future[Answer]") -> None:
        """Create the spans of an attempt that is answered, unless its trace has got them from its batch."""
        times, traceparent = attempt.plan_times, attempt.traceparent
        if times is None or not times.decided or answer.cancelled():
            return
        if times.claim_span(DECIDE, traceparent):
            attributes = {} if attempt.is_batched else _attributes_of(attempt, answer.result())
            self._tracing.record(DECIDE, "internal", traceparent, attributes, times.begin, times.decided)
        if attempt.appended_digest and times.append_end and times.claim_span(APPEND, traceparent):
            self._trace_append(traceparent, times)

    def _trace_append(self, traceparent: str, times: PlanTimes) -> None:
        """Source of the names: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/."""
        attributes: dict[str, str | int] = {
            "messaging.operation.name": APPEND,
            "messaging.operation.type": "send",
            "messaging.destination.name": self._topic,
            "messaging.batch.message_count": times.record_count,
        }
        name, begin, end = f"{APPEND} {self._topic}", times.append_begin, times.append_end
        self._tracing.record(name, "producer", traceparent, attributes, begin, end, has_failed=times.has_failed)


def _attributes_of(attempt: Attempt, answer: Answer) -> dict[str, str | int]:
    """Return what identifies the command, without personal data."""
    attributes: dict[str, str | int] = {"ordertrail.order_id": attempt.order_id}
    if isinstance(answer, Refusal):
        attributes["error.type"] = ErrorReason.Name(answer.reason).removeprefix(PREFIX)
    return attributes
