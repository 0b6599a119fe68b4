"""The linearizability check covers submitted commands: a fact or a recorded refusal between submission and outcome."""

from dataclasses import replace
from math import inf

from tests.chaos.linearizability import Call, WrittenLink, check_calls
from tests.chaos.test_linearizability import (
    GOOD,
    NOT_BEFORE,
    TWO,
    UNSENT,
    WRITTEN,
    acknowledged,
    change,
    mismatch,
    nothing_changes,
    receipt,
    refused,
    violates,
)

from ordertrail.commands import Request
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.orders.refusal import Refusal

SAME = change("same", 3)
"""Refused at version 3, allowed at every earlier version of the order."""

REFUSED = WrittenLink("same", b"4", nothing_changes(3))
FOUR, FIFTH = change("four", 4), WrittenLink("four", b"4")


def submitted(request: Request, called: float, seen_at: float = inf, answer: Receipt | Refusal | None = None) -> Call:
    return Call(request, "server", called, seen_at, answer, is_submitted=True)


def accepted(request: Request, called: float, seen_at: float, version: int) -> Call:
    """Return a submitted command whose outcome is shown as its receipt, which no server shows as a first one."""
    return submitted(request, called, seen_at, receipt(request, version, replayed=True))


# Right histories


def test_submitted_command_takes_effect_between_submission_and_outcome() -> None:
    check_calls([GOOD[0], accepted(TWO, 0.5, 9, 2), GOOD[2]], WRITTEN)
    check_calls([*GOOD, submitted(SAME, 0, 9, nothing_changes(3))], [*WRITTEN, REFUSED])


def test_submission_without_an_outcome_may_be_decided_or_not() -> None:
    check_calls([*GOOD, submitted(FOUR, 6)], [*WRITTEN, FIFTH])
    check_calls([*GOOD, submitted(FOUR, 6)], WRITTEN)
    check_calls([*GOOD, submitted(SAME, 6)], [*WRITTEN, REFUSED])


def test_unary_call_and_submission_share_a_receipt() -> None:
    check_calls([*GOOD, accepted(TWO, 2, 9, 2)], WRITTEN)
    replay = acknowledged(FOUR, 5, 9, 4, replayed=True)
    check_calls([*GOOD, replay, accepted(FOUR, 5, 9, 4)], [*WRITTEN, FIFTH])


def test_unary_call_gets_the_recorded_refusal_on_every_later_version() -> None:
    links = [*WRITTEN, REFUSED, WrittenLink("four", b"5")]
    four = Call(FOUR, "server", 7, 8)
    late = refused(SAME, 9, 10, nothing_changes(3))
    check_calls([*GOOD, submitted(SAME, 5, 7, nothing_changes(3)), four, late], links)


def test_unary_refusal_does_not_bind_a_submission() -> None:
    early = refused(TWO, 2.5, 3.5, nothing_changes(2))
    first = change("first", 2)
    links = [WRITTEN[0], WrittenLink("first", b"2"), WRITTEN[2], WrittenLink("two", b"4")]
    calls = [GOOD[0], acknowledged(first, 1.5, 2.2, 2), early, GOOD[2], accepted(TWO, 2.5, 9, 4)]
    check_calls(calls, links)


def test_command_with_an_expected_version_is_refused_for_ever() -> None:
    expecting = change("expecting", 9, expected_version=2)
    links = [*WRITTEN, WrittenLink("expecting", b"4", mismatch(2, 3))]
    check_calls([*GOOD, submitted(expecting, 3.5, 9, mismatch(2, 3))], links)


# Histories with a fault


def test_outcome_of_another_command_is_detected() -> None:
    violates([GOOD[0], accepted(TWO, 2, 3, 3), GOOD[2]], WRITTEN, "the receipt is not of version 2")
    other_call = submitted(SAME, 5, 9, nothing_changes(2))
    violates([*GOOD, other_call], [*WRITTEN, REFUSED], "never right")


def test_fact_before_its_submission_is_detected() -> None:
    refusal = refused(change("x", 2), 1.5, 3, nothing_changes(2))
    violates([GOOD[0], refusal, accepted(TWO, 4.5, 9, 2)], WRITTEN[:2], NOT_BEFORE)


def test_refusal_before_its_submission_is_detected() -> None:
    links = [*WRITTEN, REFUSED, FIFTH._replace(digest=b"5")]
    four = acknowledged(FOUR, 6, 7, 4)._replace(answer=replace_digest(receipt(FOUR, 4), b"5"))
    check_calls([*GOOD, four, submitted(SAME, 6.5, 9, nothing_changes(3))], links)
    violates([*GOOD, four, submitted(SAME, 8, 9, nothing_changes(3))], links, NOT_BEFORE)


def test_refusal_of_a_command_that_the_state_allows_is_detected() -> None:
    links = [*WRITTEN[:2], REFUSED, WRITTEN[2]]
    violates([*GOOD, submitted(SAME, 0, 9, nothing_changes(3))], links, "but the rules give")


def test_refusal_with_another_message_than_recorded_is_detected() -> None:
    other_message = replace(nothing_changes(3), message="9 of this product are ordered already.")
    violates([*GOOD, submitted(SAME, 5, 9, other_message)], [*WRITTEN, REFUSED], "never right")


def test_refusal_that_was_shown_but_not_recorded_is_detected() -> None:
    violates([*GOOD, submitted(SAME, 5, 9, nothing_changes(3))], WRITTEN, "never right")


def test_command_that_is_accepted_twice_is_detected() -> None:
    twice = [*WRITTEN, WrittenLink("two", b"4")]
    violates([GOOD[0], accepted(TWO, 2, 3, 2), GOOD[2]], twice, UNSENT)
    violates([*GOOD, submitted(TWO, 2)], twice, "version 4 was not allowed")


def test_command_that_is_accepted_and_refused_is_detected() -> None:
    refusal = WrittenLink("two", b"4", nothing_changes(3))
    violates([*GOOD, submitted(TWO, 2)], [*WRITTEN, refusal], "which has an outcome")
    fact = WrittenLink("same", b"5")
    violates([*GOOD, submitted(SAME, 5)], [*WRITTEN, REFUSED, fact], "version 4 was not allowed")


def test_recorded_refusal_of_a_unary_call_is_detected() -> None:
    violates([*GOOD, refused(SAME, 5, 9, nothing_changes(3))], [*WRITTEN, REFUSED], UNSENT)


def test_unary_call_with_another_outcome_than_its_submission_is_detected() -> None:
    links = [*WRITTEN, REFUSED, FIFTH._replace(digest=b"5")]
    four = Call(FOUR, "server", 7, 8)
    again = refused(SAME, 9, 10, nothing_changes(4))
    violates([*GOOD, submitted(SAME, 5, 7, nothing_changes(3)), four, again], links, "never right")


def replace_digest(answer: Receipt, digest: bytes) -> Receipt:
    answer.digest = digest
    return answer
