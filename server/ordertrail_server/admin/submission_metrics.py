"""Metrics of submitted commands: the results of submissions, and the outcomes that this server finds."""

from prometheus_client import CollectorRegistry, Counter

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail_server.admin.decision_metrics import PREFIX
from ordertrail_server.commands.attempt import Answer
from ordertrail_server.orders.refusal import Refusal

LABELS = "outcome", "reason"


class SubmissionMetrics:
    """An observer of submitted commands (`submissions.submission_observer.SubmissionObserver`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        text = "Results of submissions, one for each command. A repeated one was stored before."
        self._results = Counter("ordertrail_submission_results", text, LABELS, registry=registry)
        self._stored, self._stored_before = (self._results.labels(outcome, "") for outcome in ("stored", "repeated"))
        text = "Outcomes of submitted commands that this server found. A repeated one was recorded before."
        self._outcomes = Counter("ordertrail_submission_outcomes", text, LABELS, registry=registry)
        self._accepted, self._repeated = (self._outcomes.labels(outcome, "") for outcome in ("accepted", "repeated"))

    def note_stored(self, *, is_repeated: bool) -> None:
        """Count a command that is stored."""
        (self._stored_before if is_repeated else self._stored).inc()

    def note_refused(self, refusal: Refusal) -> None:
        """Count a command that is not stored."""
        _count_refusal(self._results, refusal)

    def note_outcome(self, answer: Answer, *, is_repeated: bool) -> None:
        """Count an outcome."""
        if is_repeated:
            self._repeated.inc()
        elif isinstance(answer, Refusal):
            _count_refusal(self._outcomes, answer)
        else:
            self._accepted.inc()


def _count_refusal(refusals: Counter, refusal: Refusal) -> None:
    refusals.labels("refused", ErrorReason.Name(refusal.reason).removeprefix(PREFIX)).inc()
