"""The evidence of submitted commands shows changed outcomes and commands that were decided out of order."""

from collections.abc import Sequence
from math import inf

import pytest
from tests.chaos.evidence import Evidence
from tests.chaos.linearizability import WrittenLink
from tests.chaos.submission_evidence import Submission, find_reordered
from tests.chaos.test_linearizability import change, nothing_changes, receipt

from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail_server.commands.refusal_status import status_of

ACCEPTED, REFUSED = messages.COMMAND_STATE_ACCEPTED, messages.COMMAND_STATE_REFUSED


def submission(
    request_id: str, called: float = 0, acknowledged: float = inf, place: tuple[int, int] = (1, 0), **fields: bool
) -> Submission:
    shared, uncertain = fields.get("is_shared", False), fields.get("is_uncertain", False)
    return Submission(change(request_id, 7), "caller", place, called, shared, uncertain, acknowledged=acknowledged)


def state(request_id: str, **outcome: object) -> messages.SubmittedCommand:
    command = messages.SubmittedCommand(command_id=f"id of {request_id}", order_id="order", request_id=request_id)
    command.MergeFrom(messages.SubmittedCommand(**outcome))  # type: ignore[arg-type]  # the fields of the message
    return command


@pytest.fixture
def evidence() -> Evidence:
    evidence = Evidence()
    evidence.record_acknowledgement(submission("two"), "server")
    return evidence


def test_outcome_is_recorded_when_it_is_first_seen(evidence: Evidence) -> None:
    assert not evidence.record_state(state("two", state=messages.COMMAND_STATE_PENDING), "first")
    accepted = state("two", state=ACCEPTED, receipt=receipt(change("two", 7), 2, replayed=True))
    assert evidence.record_state(accepted, "first")
    assert evidence.record_state(accepted, "second")
    [call] = evidence.calls_on("order")
    assert (call.server, call.answer, call.is_submitted) == ("first", accepted.receipt, True)
    assert evidence.submitted.violations == []


@pytest.mark.parametrize("second", ["another receipt", "another refusal"])
def test_changed_outcome_is_detected(evidence: Evidence, second: str) -> None:
    evidence.record_state(state("two", state=ACCEPTED, receipt=receipt(change("two", 7), 2, replayed=True)), "first")
    changed = {"receipt": receipt(change("two", 7), 3, replayed=True), "refusal": status_of(nothing_changes(7))}
    field = second.removeprefix("another ")
    evidence.record_state(state("two", **{field: changed[field]}), "second")
    [violation] = evidence.submitted.violations
    assert violation.startswith("second shows another outcome of two")


def test_command_that_nobody_submitted_is_detected(evidence: Evidence) -> None:
    evidence.record_state(state("three", state=REFUSED, refusal=status_of(nothing_changes(7))), "first")
    assert evidence.submitted.violations == ["first shows a command that nobody submitted: three"]


def test_stopped_command_is_detected(evidence: Evidence) -> None:
    evidence.record_state(state("two", state=messages.COMMAND_STATE_STOPPED, stop_reason="broken"), "first")
    assert evidence.unexpected_answers == ["first stopped two: broken"]


def reordered(*submissions: Submission, links: Sequence[str] = ("b", "a")) -> list[str]:
    return list(find_reordered(submissions, [WrittenLink(request_id, b"") for request_id in links]))


def test_command_that_is_decided_before_an_earlier_one_of_its_caller_is_detected() -> None:
    a, b = submission("a", 0, 1), submission("b", 2, 3, (2, 0))
    assert reordered(a, b) == ["b was decided before a of caller"]
    assert reordered(a, b, links=["a", "b"]) == []
    assert reordered(a, b, links=["b"]) == []


def test_commands_of_one_submission_keep_their_order() -> None:
    assert reordered(submission("a", 0, 1), submission("b", 0, 1, (1, 1))) == ["b was decided before a of caller"]
    assert reordered(submission("a", 0, 1, is_uncertain=True), submission("b", 0, 1, (1, 1))) == []


def test_command_may_be_decided_before_one_that_was_not_acknowledged_before() -> None:
    assert reordered(submission("a", 0, 3), submission("b", 2, 4, (2, 0))) == []


def test_command_that_a_unary_call_sends_too_may_be_decided_early() -> None:
    assert reordered(submission("a", 0, 1), submission("b", 2, 3, (2, 0), is_shared=True)) == []
