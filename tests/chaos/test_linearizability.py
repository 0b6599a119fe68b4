"""The linearizability check accepts right histories and detects each fault that is put into one."""

from dataclasses import replace
from math import inf

import pytest
from tests.chaos.linearizability import Call, NotLinearizable, WrittenLink, check_calls

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
WRITTEN = [WrittenLink("place", b"1"), WrittenLink("two", b"2"), WrittenLink("three", b"3")]


def change(request_id: str, quantity: int, expected_version: int | None = None) -> Request:
    return ChangeOrderLineQuantityRequest(
        order_id="order",
        product_id="apple",
        quantity=quantity,
        request_id=request_id,
        expected_version=expected_version,
    )


NOT_BEFORE = "must be answered before"
UNSENT = "no call sent it, or each call got another answer"
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


def acknowledged(request: Request, called: float, answered: float, version: int, replayed: bool = False) -> Call:
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


GOOD = [acknowledged(PLACE, 0, 1, 1), acknowledged(TWO, 2, 3, 2), acknowledged(THREE, 4, 5, 3)]


def violates(calls: list[Call], written: list[WrittenLink], why: str) -> None:
    with pytest.raises(NotLinearizable, match=why):
        check_calls(calls, written)


# Right histories


def test_sequential_calls_are_linearizable() -> None:
    check_calls(GOOD, WRITTEN)


def test_concurrent_calls_are_linearizable_in_the_order_of_their_facts() -> None:
    check_calls([acknowledged(THREE, 0, 9, 3), acknowledged(TWO, 0, 9, 2), acknowledged(PLACE, 0, 9, 1)], WRITTEN)


def test_unanswered_call_may_take_effect_later() -> None:
    check_calls(
        [GOOD[0], Call(TWO, "server", 1.5), refused(change("x", 1), 3, 4, nothing_changes(1)), GOOD[2]], WRITTEN
    )


def test_unanswered_call_may_have_no_effect() -> None:
    check_calls([*GOOD, Call(change("lost", 9), "server", 0)], WRITTEN)


def test_retry_may_return_the_receipt_of_an_unanswered_call() -> None:
    check_calls(
        [GOOD[0], Call(TWO, "server", 2), acknowledged(TWO, 3, 4, 2, replayed=True), acknowledged(THREE, 4, 5, 3)],
        WRITTEN,
    )


def test_retry_may_return_its_receipt_after_later_facts() -> None:
    check_calls([*GOOD, acknowledged(TWO, 6, 7, 2, replayed=True)], WRITTEN)


def test_refusal_that_was_right_during_its_call_is_linearizable() -> None:
    check_calls([*GOOD, refused(change("x", 2), 2.5, 9, nothing_changes(2))], WRITTEN)


def test_refused_command_may_succeed_when_it_is_repeated() -> None:
    too_early = decide(None, THREE)
    assert isinstance(too_early, Refusal)
    check_calls([refused(THREE, 0.1, 0.9, too_early), *GOOD], WRITTEN)


# Histories with a fault


def test_stale_refusal_is_detected() -> None:
    stale = refused(change("x", 1), 3.5, 3.9, nothing_changes(1))
    violates([*GOOD, stale], WRITTEN, NOT_BEFORE)


def test_stale_version_in_a_refusal_is_detected() -> None:
    check_calls([*GOOD, refused(change("x", 9, expected_version=7), 5.5, 6, mismatch(7, 3))], WRITTEN)
    violates([*GOOD, refused(change("x", 9, expected_version=7), 5.5, 6, mismatch(7, 2))], WRITTEN, "never right")


def test_refusal_that_becomes_right_after_its_call_is_detected() -> None:
    early = refused(change("x", 3), 1.2, 1.8, nothing_changes(3))
    violates([*GOOD, early], WRITTEN, NOT_BEFORE)


def test_refusal_with_a_wrong_message_is_detected() -> None:
    refusal = replace(nothing_changes(3), message="9 of this product are ordered already.")
    violates([*GOOD, refused(change("x", 3), 6, 7, refusal)], WRITTEN, "never right")


def test_lost_fact_of_an_acknowledged_command_is_detected() -> None:
    violates([*GOOD, acknowledged(change("four", 4), 6, 7, 4)], WRITTEN, "never right")
    violates(GOOD, [WRITTEN[0], WRITTEN[2]], NOT_BEFORE)
    violates([GOOD[0], acknowledged(THREE, 2, 3, 3)], [WRITTEN[0], WRITTEN[2]], "the receipt is not of version 2")


def test_doubled_effect_is_detected() -> None:
    violates([*GOOD, Call(TWO, "server", 5)], [*WRITTEN, WrittenLink("two", b"4")], "version 4 was not allowed")


def test_fact_without_a_request_is_detected() -> None:
    violates(GOOD, [*WRITTEN, WrittenLink("strange", b"4")], UNSENT)


def test_fact_of_a_refused_command_is_detected() -> None:
    refusal = refused(change("x", 3), 6, 7, nothing_changes(3))
    violates([*GOOD, refusal], [*WRITTEN, WrittenLink("x", b"4")], UNSENT)


def test_fact_that_the_rules_forbid_is_detected() -> None:
    violates(
        [*GOOD, Call(change("x", 3), "server", 6)], [*WRITTEN, WrittenLink("x", b"4")], "version 4 was not allowed"
    )


def test_fact_on_an_unexpected_version_is_detected() -> None:
    expecting = Call(change("x", 9, expected_version=2), "server", 6)
    violates([*GOOD, expecting], [*WRITTEN, WrittenLink("x", b"4")], "version 4 was not allowed")


def test_receipt_older_than_an_earlier_one_is_detected() -> None:
    violates([GOOD[0], acknowledged(THREE, 2, 3, 3), acknowledged(TWO, 4, 5, 2)], WRITTEN, NOT_BEFORE)


def test_two_first_receipts_of_one_request_are_detected() -> None:
    violates([*GOOD, acknowledged(TWO, 6, 7, 2)], WRITTEN, "never right")


def test_different_receipts_of_one_request_are_detected() -> None:
    violates([*GOOD, acknowledged(TWO, 6, 7, 3, replayed=True)], WRITTEN, "never right")


def test_fact_before_its_only_call_is_detected() -> None:
    late = Call(TWO, "server", 4.5, inf)
    refusal = refused(change("x", 2), 1.5, 3, nothing_changes(2))
    violates([GOOD[0], refusal, late], WRITTEN[:2], NOT_BEFORE)
