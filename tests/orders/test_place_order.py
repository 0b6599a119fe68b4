"""Placing an order."""

import pytest
from tests.orders.spec import ORDER, day, given, line, money, placed, unpriced

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced


def place(*lines: OrderedLine, on: Date | None = None) -> PlaceOrderRequest:
    return PlaceOrderRequest(order_id=ORDER, customer_id="shop-1", lines=lines, expected_delivery_date=on)


def test_order_placed_event_holds_fields_of_command() -> None:
    command = place(line("pen", 3), line("ink", 1, money(2, 500_000_000)), on=day(2024, 2, 29))
    expected = placed(line("pen", 3), line("ink", 1, money(2, 500_000_000)), day=day(2024, 2, 29))
    given().when(command).then(expected)


def test_delivery_day_is_optional() -> None:
    given().when(place(line("pen"))).then(placed(line("pen")))


def test_delivery_day_in_the_past_is_accepted() -> None:
    given().when(place(line("pen"), on=day(1999, 12, 31))).then(placed(line("pen"), day=day(1999, 12, 31)))


def test_order_cannot_be_placed_twice() -> None:
    refusal = given(placed(line("pen"))).when(place(line("pen"))).refused("ORDER_EXISTS")
    assert refusal.order_id == ORDER


@pytest.mark.parametrize("impossible_day", [day(2023, 2, 29), day(2024, 2, 30), day(2024, 4, 31), Date(year=2024)])
def test_impossible_day_is_refused(impossible_day: Date) -> None:
    given().when(place(line("pen"), on=impossible_day)).refused("INVALID_REQUEST", "expected_delivery_date")


def test_order_without_lines_is_refused() -> None:
    given().when(place()).refused("INVALID_REQUEST", "lines")


def test_order_has_at_most_200_lines() -> None:
    lines = [line(f"p-{number}") for number in range(201)]
    given().when(place(*lines[:200])).then(placed(*lines[:200]))
    given().when(place(*lines)).refused("TOO_MANY_LINES", max_lines="200")


def test_refusal_of_line_without_price_names_its_path() -> None:
    command = place(line("pen"), line("ink"), unpriced("pad"))
    given().when(command).refused("INVALID_REQUEST", "lines[2].unit_price")


def test_first_line_without_price_is_refused() -> None:
    given().when(place(unpriced("pen"), line("ink"))).refused("INVALID_REQUEST", "lines[0].unit_price")


@pytest.mark.parametrize("currency", ["", "XXX"])
@pytest.mark.parametrize("position", [0, 1])
def test_new_price_needs_a_currency(currency: str, position: int) -> None:
    lines = [line("pen"), line("ink")]
    lines[position] = line("pad", price=money(1, currency=currency))
    where = f"lines[{position}].unit_price.currency_code"
    given().when(place(*lines)).refused("INVALID_REQUEST", where)


def test_product_on_two_lines_is_refused() -> None:
    command = place(line("pen"), line("ink"), line("pen", 2))
    given().when(command).refused("INVALID_REQUEST", "lines[2].product_id")


def test_prices_in_two_currencies_are_refused() -> None:
    command = place(line("pen"), line("ink", price=money(1, currency="USD")))
    where = "lines[1].unit_price.currency_code"
    given().when(command).refused("CURRENCY_DIFFERS", where, currency="USD", order_currency="EUR")


def test_total_of_one_trillion_is_accepted_and_a_billionth_more_refused() -> None:
    half = money(500_000_000_000)
    lines = [line("pen", 1, half), line("ink", 1, half)]
    order = given().when(place(*lines)).then(placed(*lines))
    assert order.total_amount == money(1_000_000_000_000)
    too_much = place(*lines, line("pad", 1, money(0, 1)))
    given().when(too_much).refused("TOTAL_TOO_LARGE", max_total_units="1000000000000")


def test_order_placed_event_excludes_fields_of_the_call() -> None:
    command = place(line("pen"))
    command.request_id, command.expected_version, command.validate_only = "request-1", 0, True
    given().when(command).then(OrderPlaced(customer_id="shop-1", lines=[line("pen")]))
