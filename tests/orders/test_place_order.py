"""Placing an order."""

import pytest
from tests.orders.spec import ORDER, build_date, build_money, build_placed, given, line, unpriced

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced


def build_place_order(*lines: OrderedLine, on: Date | None = None) -> PlaceOrderRequest:
    return PlaceOrderRequest(order_id=ORDER, customer_id="shop-1", lines=lines, expected_delivery_date=on)


def test_order_placed_event_holds_fields_of_command() -> None:
    command = build_place_order(line("pen", 3), line("ink", 1, build_money(2, 500_000_000)), on=build_date(2024, 2, 29))
    expected = build_placed(line("pen", 3), line("ink", 1, build_money(2, 500_000_000)), day=build_date(2024, 2, 29))
    given().when(command).then(expected)


def test_delivery_day_is_optional() -> None:
    given().when(build_place_order(line("pen"))).then(build_placed(line("pen")))


def test_delivery_day_in_the_past_is_accepted() -> None:
    given().when(build_place_order(line("pen"), on=build_date(1999, 12, 31))).then(
        build_placed(line("pen"), day=build_date(1999, 12, 31))
    )


def test_order_cannot_be_placed_twice() -> None:
    refusal = given(build_placed(line("pen"))).when(build_place_order(line("pen"))).refused("ORDER_EXISTS")
    assert refusal.order_id == ORDER


@pytest.mark.parametrize(
    "impossible_day", [build_date(2023, 2, 29), build_date(2024, 2, 30), build_date(2024, 4, 31), Date(year=2024)]
)
def test_impossible_day_is_refused(impossible_day: Date) -> None:
    given().when(build_place_order(line("pen"), on=impossible_day)).refused("INVALID_REQUEST", "expected_delivery_date")


def test_order_without_lines_is_refused() -> None:
    given().when(build_place_order()).refused("INVALID_REQUEST", "lines")


def test_order_has_at_most_200_lines() -> None:
    lines = [line(f"p-{number}") for number in range(201)]
    given().when(build_place_order(*lines[:200])).then(build_placed(*lines[:200]))
    given().when(build_place_order(*lines)).refused("TOO_MANY_LINES", max_lines="200")


def test_refusal_of_line_without_price_names_its_path() -> None:
    command = build_place_order(line("pen"), line("ink"), unpriced("pad"))
    given().when(command).refused("INVALID_REQUEST", "lines[2].unit_price")


def test_first_line_without_price_is_refused() -> None:
    given().when(build_place_order(unpriced("pen"), line("ink"))).refused("INVALID_REQUEST", "lines[0].unit_price")


@pytest.mark.parametrize("currency", ["", "XXX"])
@pytest.mark.parametrize("position", [0, 1])
def test_new_price_needs_a_currency(currency: str, position: int) -> None:
    lines = [line("pen"), line("ink")]
    lines[position] = line("pad", price=build_money(1, currency=currency))
    where = f"lines[{position}].unit_price.currency_code"
    given().when(build_place_order(*lines)).refused("INVALID_REQUEST", where)


def test_product_on_two_lines_is_refused() -> None:
    command = build_place_order(line("pen"), line("ink"), line("pen", 2))
    given().when(command).refused("INVALID_REQUEST", "lines[2].product_id")


def test_prices_in_two_currencies_are_refused() -> None:
    command = build_place_order(line("pen"), line("ink", price=build_money(1, currency="USD")))
    where = "lines[1].unit_price.currency_code"
    given().when(command).refused("CURRENCY_DIFFERS", where, currency="USD", order_currency="EUR")


def test_total_of_one_trillion_is_accepted_and_a_billionth_more_refused() -> None:
    half = build_money(500_000_000_000)
    lines = [line("pen", 1, half), line("ink", 1, half)]
    order = given().when(build_place_order(*lines)).then(build_placed(*lines))
    assert order.total_amount == build_money(1_000_000_000_000)
    too_much = build_place_order(*lines, line("pad", 1, build_money(0, 1)))
    given().when(too_much).refused("TOTAL_TOO_LARGE", max_total_units="1000000000000")


def test_order_placed_event_excludes_fields_of_the_call() -> None:
    command = build_place_order(line("pen"))
    command.request_id, command.expected_version, command.validate_only = "request-1", 0, True
    given().when(command).then(OrderPlaced(customer_id="shop-1", lines=[line("pen")]))
