"""Metrics of decisions: how many commands were accepted, and how many were refused for each reason."""

from asyncio import Future

from prometheus_client import CollectorRegistry, Counter

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail_server.commands.attempt import Accepted, Answer
from ordertrail_server.orders.refusal import Refusal

PREFIX = "ERROR_REASON_"


class DecisionMetrics:
    """Counts answers to commands."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions = Counter(
            "ordertrail_decisions",
            "Answers to commands. A repeated one got the receipt of its first attempt.",
            ("outcome", "reason"),
            registry=registry,
        )
        self._accepted, self._repeated = (self._decisions.labels(outcome, "") for outcome in ("accepted", "repeated"))

    def note_answer(self, answered: "Future[Answer]") -> None:
        """Count the answer of an attempt, unless its caller has cancelled, or asked for a preview."""
        if answered.cancelled():
            return
        answer = answered.result()
        match answer:
            case Accepted(replayed=True):
                self._repeated.inc()
            case Accepted():
                self._accepted.inc()
            case Refusal(reason=reason):
                self._decisions.labels("refused", ErrorReason.Name(reason).removeprefix(PREFIX)).inc()
