"""The check of histories finds what it is there for: each planted fault makes a good history impossible."""

from dataclasses import replace
from math import inf

import pytest
from tests.chaos.linear import Call, NotLinearizable, Written, check

from ordertrail.commands import Request
from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import ChangeOrderLineQuantityRequest, PlaceOrderRequest
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.values import line
from ordertrail_server.orders.decide import decide
from ordertrail_server.orders.refusal import Refusal

PLACE = PlaceOrderRequest(
    customer_id="shop-1", lines=[line("apple", 1, "2.50", "EUR")], order_id="order", request_id="place"
)
WRITTEN: list[Written] = [("place", b"1"), ("two", b"2"), ("three", b"3")]


def change(request_id: str, quantity: int, expected_version: int | None = None) -> Request:
    return ChangeOrderLineQuantityRequest(
        order_id="order",
        product_id="apple",
        quantity=quantity,
        request_id=request_id,
        expected_version=expected_version,
    )


NOT_BEFORE = "must be answered before"
TWO, THREE = change("two", 2), change("three", 3)


def receipt(request: Request, version: int, replayed: bool = False) -> Receipt:
    digest = str(version).encode()
    return Receipt(
        order_id="order",
        request_id=request.request_id,
        order_version=version,
        digest=digest,
        replayed=replayed,
    )


def told(request: Request, called: float, answered: float, version: int, replayed: bool = False) -> Call:
    return Call(request, "server", called, answered, receipt(request, version, replayed))


def refused(request: Request, called: float, answered: float, refusal: Refusal) -> Call:
    return Call(request, "server", called, answered, refusal)


def nothing_changes(quantity: int) -> Refusal:
    message = f"{quantity} of this product are ordered already."
    return Refusal(reasons.ERROR_REASON_NOTHING_CHANGES, message, "order")


def mismatch(expected: int, actual: int) -> Refusal:
    message = f"Order order has version {actual}, not {expected} as expected."
    facts = {"expected": str(expected), "actual": str(actual)}
    return Refusal(reasons.ERROR_REASON_VERSION_MISMATCH, message, "order", facts=facts)


GOOD = [told(PLACE, 0, 1, 1), told(TWO, 2, 3, 2), told(THREE, 4, 5, 3)]


def violates(calls: list[Call], written: list[Written], why: str) -> None:
    with pytest.raises(NotLinearizable, match=why):
        check(calls, written)


# What is right


def test_calls_one_after_another_are_explained() -> None:
    check(GOOD, WRITTEN)


def test_calls_at_once_are_explained_in_the_order_of_their_facts() -> None:
    check([told(THREE, 0, 9, 3), told(TWO, 0, 9, 2), told(PLACE, 0, 9, 1)], WRITTEN)


def test_a_call_without_an_answer_may_take_effect_long_after_it_was_made() -> None:
    check([GOOD[0], Call(TWO, "server", 1.5), refused(change("x", 1), 3, 4, nothing_changes(1)), GOOD[2]], WRITTEN)


def test_a_call_without_an_answer_may_take_no_effect() -> None:
    check([*GOOD, Call(change("lost", 9), "server", 0)], WRITTEN)


def test_a_retry_gets_the_receipt_of_the_attempt_that_was_not_answered() -> None:
    check([GOOD[0], Call(TWO, "server", 2), told(TWO, 3, 4, 2, replayed=True), told(THREE, 4, 5, 3)], WRITTEN)


def test_a_retry_gets_the_receipt_also_when_others_have_written_since() -> None:
    check([*GOOD, told(TWO, 6, 7, 2, replayed=True)], WRITTEN)


def test_a_refusal_that_was_right_for_a_moment_of_its_call_is_explained() -> None:
    check([*GOOD, refused(change("x", 2), 2.5, 9, nothing_changes(2))], WRITTEN)


def test_a_refused_attempt_may_succeed_when_it_is_made_again() -> None:
    too_early = decide(None, THREE)
    assert isinstance(too_early, Refusal)
    check([refused(THREE, 0.1, 0.9, too_early), *GOOD], WRITTEN)


# What is planted


def test_a_stale_refusal_is_found() -> None:
    stale = refused(change("x", 1), 3.5, 3.9, nothing_changes(1))
    violates([*GOOD, stale], WRITTEN, NOT_BEFORE)


def test_a_stale_version_in_a_refusal_is_found() -> None:
    check([*GOOD, refused(change("x", 9, expected_version=7), 5.5, 6, mismatch(7, 3))], WRITTEN)
    violates([*GOOD, refused(change("x", 9, expected_version=7), 5.5, 6, mismatch(7, 2))], WRITTEN, "never right")


def test_a_refusal_from_a_future_that_has_not_begun_is_found() -> None:
    early = refused(change("x", 3), 1.2, 1.8, nothing_changes(3))
    violates([*GOOD, early], WRITTEN, NOT_BEFORE)


def test_a_refusal_in_the_words_of_another_is_found() -> None:
    refusal = replace(nothing_changes(3), message="9 of this product are ordered already.")
    violates([*GOOD, refused(change("x", 3), 6, 7, refusal)], WRITTEN, "never right")


def test_a_lost_acknowledgement_is_found() -> None:
    violates([*GOOD, told(change("four", 4), 6, 7, 4)], WRITTEN, "never right")
    violates(GOOD, [WRITTEN[0], WRITTEN[2]], NOT_BEFORE)
    violates([GOOD[0], told(THREE, 2, 3, 3)], [WRITTEN[0], WRITTEN[2]], "the receipt is not of version 2")


def test_a_doubled_effect_is_found() -> None:
    violates([*GOOD, Call(TWO, "server", 5)], [*WRITTEN, ("two", b"4")], "version 4 was not allowed")


def test_a_fact_that_nobody_asked_for_is_found() -> None:
    violates(GOOD, [*WRITTEN, ("strange", b"4")], "nobody asked for it, or was left in doubt")


def test_a_fact_of_a_command_that_was_refused_is_found() -> None:
    refusal = refused(change("x", 3), 6, 7, nothing_changes(3))
    violates([*GOOD, refusal], [*WRITTEN, ("x", b"4")], "nobody asked for it, or was left in doubt")


def test_a_fact_that_the_rules_forbid_is_found() -> None:
    violates([*GOOD, Call(change("x", 3), "server", 6)], [*WRITTEN, ("x", b"4")], "version 4 was not allowed")


def test_a_fact_on_another_version_than_was_expected_is_found() -> None:
    expecting = Call(change("x", 9, expected_version=2), "server", 6)
    violates([*GOOD, expecting], [*WRITTEN, ("x", b"4")], "version 4 was not allowed")


def test_a_receipt_that_goes_back_in_time_is_found() -> None:
    violates([GOOD[0], told(THREE, 2, 3, 3), told(TWO, 4, 5, 2)], WRITTEN, NOT_BEFORE)


def test_two_calls_that_were_both_told_to_be_the_first_are_found() -> None:
    violates([*GOOD, told(TWO, 6, 7, 2)], WRITTEN, "never right")


def test_receipts_of_one_request_that_differ_are_found() -> None:
    violates([*GOOD, told(TWO, 6, 7, 3, replayed=True)], WRITTEN, "never right")


def test_a_fact_before_its_only_call_was_made_is_found() -> None:
    late = Call(TWO, "server", 4.5, inf)
    seen = refused(change("x", 2), 1.5, 3, nothing_changes(2))
    violates([GOOD[0], seen, late], WRITTEN[:2], NOT_BEFORE)
