"""The aggregate of an order: a fact that cannot be folded parks it, but its chain continues."""

import pytest
from tests.orders.spec import build_placed, history_event, line

from ordertrail.v1.order_events_pb2 import OrderConfirmed, OrderLineRemoved
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate, advance
from ordertrail_server.orders.evolve import evolve

PLACED, CONFIRMED = history_event(build_placed(line("pen")), 1), history_event(OrderConfirmed(), 2)
REMOVED = history_event(OrderLineRemoved(product_id="ink"), 2)
FIRST = advance(NO_ORDER, PLACED, "", b"first")


def test_order_without_facts_has_version_0_and_no_head_digest() -> None:
    assert Aggregate(None, 0, b"", "") == NO_ORDER


def test_foldable_fact_leads_to_next_state() -> None:
    assert Aggregate(evolve(None, PLACED), 1, b"first", "") == FIRST
    assert advance(FIRST, CONFIRMED, "", b"second") == Aggregate(evolve(FIRST.order, CONFIRMED), 2, b"second", "")


def test_unreadable_fact_parks_order_at_state_before() -> None:
    assert advance(FIRST, CONFIRMED, "unreadable", b"second") == Aggregate(FIRST.order, 2, b"second", "unreadable")
    assert advance(NO_ORDER, PLACED, "unreadable", b"first") == Aggregate(None, 1, b"first", "unreadable")


def test_fact_that_cannot_follow_parks_order_with_reason() -> None:
    parked = "cannot be folded: 'ink' is not on the order"
    assert advance(FIRST, REMOVED, "", b"second") == Aggregate(FIRST.order, 2, b"second", parked)


@pytest.mark.parametrize("fault", ["", "unreadable as well"])
def test_parked_order_keeps_its_state_and_first_reason(fault: str) -> None:
    parked = advance(FIRST, CONFIRMED, "unreadable", b"second")
    third = history_event(OrderConfirmed(), 3)
    assert advance(parked, third, fault, b"third") == Aggregate(FIRST.order, 3, b"third", "unreadable")


def test_impossible_value_parks_order_and_names_error() -> None:
    largest = 2**63 - 1
    parked = advance(NO_ORDER, history_event(build_placed(line("pen", largest), line("ink", largest)), 1), "", b"first")
    assert (parked.order, parked.version, parked.head) == (None, 1, b"first")
    assert parked.parked.startswith("cannot be folded: ValueError: ")
