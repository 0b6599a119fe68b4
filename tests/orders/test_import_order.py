"""Importing orders of older producers: an OrderPlaced is the command."""

import pytest
from tests.orders.spec import build_date, build_money, build_placed, given, line, unpriced

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced, OrderSource
from ordertrail.v1.order_status_pb2 import (
    ORDER_STATUS_CONFIRMED,
    ORDER_STATUS_PLACED,
    ORDER_STATUS_RETURNED,
    OrderStatus,
)

FREE = build_money(0, currency="XXX")


@pytest.mark.parametrize(
    "order",
    [
        OrderPlaced(lines=[line("p_23", 3000, build_money(5, currency="XXX"))], source=OrderSource(reference="0")),
        OrderPlaced(lines=[unpriced("product 01", 10)], expected_delivery_date=build_date(2019, 3, 15)),
        OrderPlaced(lines=[line("pen", 0, FREE)]),
        OrderPlaced(lines=[unpriced("pen"), line("ink", 1, build_money(3))]),
        OrderPlaced(lines=[line("pen")], source=OrderSource(status=ORDER_STATUS_PLACED)),
        OrderPlaced(lines=[line("pen")], source=OrderSource(status_text="waiting for rain")),
        OrderPlaced(lines=[line("p" * 128, 1_000_000, build_money(1_000_000))], customer_id="c" * 128),
        OrderPlaced(lines=[line("pen", 1, build_money(1_000_000_000_000))]),
        OrderPlaced(lines=[line("pen", 1, build_money(0, 999_999_999))]),
        OrderPlaced(lines=[unpriced(f"p-{number}") for number in range(200)]),
    ],
)
def test_order_with_missing_or_zero_values_is_imported_unchanged(order: OrderPlaced) -> None:
    given().when(order).then(order)


def test_existing_order_is_not_imported_again() -> None:
    assert (
        given(build_placed(line("pen"))).when(build_placed(unpriced("pen"))).refused("ORDER_EXISTS").order_id
        == "order-1"
    )


def refuse(order: OrderPlaced, words: str) -> None:
    assert words in given().when(order).refused("UNREADABLE_DOCUMENT").message


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "1 to 200 lines, not 0"),
        ([unpriced(f"p-{number}") for number in range(201)], "1 to 200 lines, not 201"),
        ([unpriced("pen"), unpriced("")], "Line 2 has no product id"),
        ([unpriced("p" * 129)], "more than 128 characters"),
        ([unpriced("pen", -1)], "orders -1"),
        ([unpriced("pen", 1_000_001)], "orders 1000001"),
        ([unpriced("pen"), unpriced("pen")], "'pen' a second time"),
        ([line("pen", 1, build_money(-1))], "below 0"),
        ([line("pen", 1, build_money(0, -1))], "below 0"),
        ([line("pen", 1, build_money(0, 1_000_000_000))], "above 1000000000000 units"),
        ([line("pen", 0, build_money(1_000_000_000_001))], "above 1000000000000 units"),
        ([line("pen", 1, build_money(1, currency=""))], "not a currency code"),
        ([line("pen", 1, build_money(1, currency="eur"))], "not a currency code"),
        ([line("pen", 1, build_money(1, currency="EUR\n"))], "not a currency code"),
        ([line("pen", 1, FREE), unpriced("pad"), line("ink")], "more than one currency"),
        ([line("pen", 2, build_money(500_000_000_000, 1)), unpriced("pad")], "total exceeds"),
    ],
)
def test_impossible_lines_are_refused_with_a_message(lines: list[OrderedLine], words: str) -> None:
    refuse(OrderPlaced(lines=lines), words)


@pytest.mark.parametrize("impossible_day", [build_date(2019, 2, 29), Date()])
def test_impossible_day_is_refused(impossible_day: Date) -> None:
    refuse(OrderPlaced(lines=[line("pen")], expected_delivery_date=impossible_day), "not a day of the calendar")


@pytest.mark.parametrize("customer", ["", "c" * 129])
def test_present_customer_id_has_1_to_128_characters(customer: str) -> None:
    refuse(OrderPlaced(lines=[line("pen")], customer_id=customer), "1 to 128 characters")


@pytest.mark.parametrize("status", range(ORDER_STATUS_CONFIRMED, ORDER_STATUS_RETURNED + 1))
def test_imported_order_must_have_source_status_placed(status: OrderStatus.ValueType) -> None:
    refuse(OrderPlaced(lines=[line("pen")], source=OrderSource(status=status)), "only PLACED can be imported")


def test_unknown_source_status_is_refused() -> None:
    source = OrderSource.FromString(b"\x20\x63")  # field 4, status 99
    refuse(OrderPlaced(lines=[line("pen")], source=source), "is 99; only PLACED")
