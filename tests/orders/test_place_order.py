"""Placing an order."""

import pytest
from tests.orders.spec import ORDER, day, given, line, money, placed, unpriced

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced


def place(*lines: OrderedLine, on: Date | None = None) -> PlaceOrderRequest:
    return PlaceOrderRequest(order_id=ORDER, customer_id="shop-1", lines=lines, expected_delivery_date=on)


def test_a_new_order_says_what_the_command_said() -> None:
    command = place(line("pen", 3), line("ink", 1, money(2, 500_000_000)), on=day(2024, 2, 29))
    expected = placed(line("pen", 3), line("ink", 1, money(2, 500_000_000)), day=day(2024, 2, 29))
    given().when(command).then(expected)


def test_an_order_may_name_no_delivery_day() -> None:
    given().when(place(line("pen"))).then(placed(line("pen")))


def test_a_delivery_day_in_the_past_is_no_reason_to_refuse() -> None:
    given().when(place(line("pen"), on=day(1999, 12, 31))).then(placed(line("pen"), day=day(1999, 12, 31)))


def test_an_order_is_placed_once() -> None:
    refusal = given(placed(line("pen"))).when(place(line("pen"))).refused("ORDER_EXISTS")
    assert refusal.order_id == ORDER


@pytest.mark.parametrize("wrong", [day(2023, 2, 29), day(2024, 2, 30), day(2024, 4, 31), Date(year=2024)])
def test_a_day_that_the_calendar_does_not_have_is_refused(wrong: Date) -> None:
    given().when(place(line("pen"), on=wrong)).refused("INVALID_REQUEST", "expected_delivery_date")


def test_an_order_without_lines_is_refused() -> None:
    given().when(place()).refused("INVALID_REQUEST", "lines")


def test_an_order_has_200_lines_at_most() -> None:
    lines = [line(f"p-{number}") for number in range(201)]
    given().when(place(*lines[:200])).then(placed(*lines[:200]))
    given().when(place(*lines)).refused("TOO_MANY_LINES", max_lines="200")


def test_a_new_line_without_a_price_is_refused_by_its_path() -> None:
    command = place(line("pen"), line("ink"), unpriced("pad"))
    given().when(command).refused("INVALID_REQUEST", "lines[2].unit_price")


def test_a_first_line_without_a_price_is_refused_too() -> None:
    given().when(place(unpriced("pen"), line("ink"))).refused("INVALID_REQUEST", "lines[0].unit_price")


@pytest.mark.parametrize("currency", ["", "XXX"])
@pytest.mark.parametrize("position", [0, 1])
def test_a_new_price_names_its_currency(currency: str, position: int) -> None:
    lines = [line("pen"), line("ink")]
    lines[position] = line("pad", price=money(1, currency=currency))
    where = f"lines[{position}].unit_price.currency_code"
    given().when(place(*lines)).refused("INVALID_REQUEST", where)


def test_a_product_stands_on_one_line_only() -> None:
    command = place(line("pen"), line("ink"), line("pen", 2))
    given().when(command).refused("INVALID_REQUEST", "lines[2].product_id")


def test_all_prices_are_in_one_currency() -> None:
    command = place(line("pen"), line("ink", price=money(1, currency="USD")))
    where = "lines[1].unit_price.currency_code"
    given().when(command).refused("CURRENCY_DIFFERS", where, currency="USD", order_currency="EUR")


def test_a_total_of_one_trillion_is_possible_and_a_billionth_more_is_not() -> None:
    half = money(500_000_000_000)
    most = [line("pen", 1, half), line("ink", 1, half)]
    order = given().when(place(*most)).then(placed(*most))
    assert order.total_amount == money(1_000_000_000_000)
    too_much = place(*most, line("pad", 1, money(0, 1)))
    given().when(too_much).refused("TOTAL_TOO_LARGE", max_total_units="1000000000000")


def test_the_event_does_not_carry_what_belongs_to_the_call() -> None:
    command = place(line("pen"))
    command.request_id, command.expected_version, command.validate_only = "request-1", 0, True
    given().when(command).then(OrderPlaced(customer_id="shop-1", lines=[line("pen")]))
