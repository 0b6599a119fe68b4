"""Changing the lines and the delivery day of a placed order."""

from tests.orders.spec import ORDER, build_date, build_money, build_placed, given, line, unpriced

from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    ChangeOrderLineQuantityRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
)
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_events_pb2 import (
    OrderDeliveryRescheduled,
    OrderedLine,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderPlaced,
)

HALF = build_money(500_000_000_000)


def add(new: OrderedLine) -> AddOrderLineRequest:
    return AddOrderLineRequest(order_id=ORDER, line=new)


def change(product: str, quantity: int) -> ChangeOrderLineQuantityRequest:
    return ChangeOrderLineQuantityRequest(order_id=ORDER, product_id=product, quantity=quantity)


def remove(product: str) -> RemoveOrderLineRequest:
    return RemoveOrderLineRequest(order_id=ORDER, product_id=product)


def reschedule(to: Date) -> RescheduleDeliveryRequest:
    return RescheduleDeliveryRequest(order_id=ORDER, expected_delivery_date=to)


def test_added_product_becomes_last_line() -> None:
    order = (
        given(build_placed(line("pen", 2)))
        .when(add(line("ink", 3, build_money(0, 1))))
        .then(OrderLineAdded(line=line("ink", 3, build_money(0, 1))))
    )
    assert [line.product_id for line in order.lines] == ["pen", "ink"]
    assert (order.total_amount, order.total_quantity) == (build_money(20, 3), 5)


def test_product_cannot_be_added_twice() -> None:
    given(build_placed(line("pen"))).when(add(line("pen", 9))).refused("PRODUCT_ALREADY_ORDERED", product_id="pen")


def test_added_line_needs_a_price() -> None:
    given(build_placed(line("pen"))).when(add(unpriced("ink"))).refused("INVALID_REQUEST", "line.unit_price")


def test_added_price_needs_a_currency_even_if_order_has_none() -> None:
    imported = OrderPlaced(lines=[line("pen", 1, build_money(5, currency="XXX"))])
    command = add(line("ink", 1, build_money(5, currency="XXX")))
    given(imported).when(command).refused("INVALID_REQUEST", "line.unit_price.currency_code")


def test_line_201_is_refused() -> None:
    full = build_placed(*[line(f"p-{number}") for number in range(200)])
    given(full).when(add(line("pen"))).refused("TOO_MANY_LINES", max_lines="200")


def test_price_in_another_currency_than_the_order_is_refused() -> None:
    where, usd_line = "line.unit_price.currency_code", line("ink", 1, build_money(1, currency="USD"))
    given(build_placed(line("pen"))).when(add(usd_line)).refused(
        "CURRENCY_DIFFERS", where, currency="USD", order_currency="EUR"
    )


def test_currency_of_an_order_is_that_of_its_priced_lines() -> None:
    where, usd_line = "line.unit_price.currency_code", line("ink", 1, build_money(1, currency="USD"))
    given(OrderPlaced(lines=[unpriced("pad"), line("pen")])).when(add(usd_line)).refused(
        "CURRENCY_DIFFERS", where, currency="USD", order_currency="EUR"
    )


def test_order_without_prices_accepts_any_currency_and_has_no_total() -> None:
    usd_line = line("ink", 1, build_money(1, currency="USD"))
    order = given(OrderPlaced(lines=[unpriced("pen")])).when(add(usd_line)).then(OrderLineAdded(line=usd_line))
    assert not order.HasField("total_amount")


def test_added_line_cannot_exceed_largest_total() -> None:
    order = given(build_placed(line("pen", 1, HALF)))
    order.when(add(line("ink", 1, HALF))).then(OrderLineAdded(line=line("ink", 1, HALF)))
    order.when(add(line("ink", 3, HALF))).refused("TOTAL_TOO_LARGE", max_total_units="1000000000000")


def test_line_without_price_does_not_lift_largest_total() -> None:
    imported = OrderPlaced(lines=[unpriced("pad"), line("pen", 2, HALF)])
    given(imported).when(add(line("ink", 1, build_money(0, 1)))).refused(
        "TOTAL_TOO_LARGE", max_total_units="1000000000000"
    )


def test_changed_quantity_changes_totals() -> None:
    order = (
        given(build_placed(line("pen", 2), line("ink", 1)))
        .when(change("pen", 5))
        .then(OrderLineQuantityChanged(product_id="pen", quantity=5))
    )
    assert (order.total_amount, order.total_quantity) == (build_money(60), 6)


def test_quantity_of_product_that_is_not_on_order_cannot_be_changed() -> None:
    given(build_placed(line("pen"))).when(change("ink", 1)).refused("PRODUCT_NOT_ORDERED", product_id="ink")


def test_unchanged_quantity_is_refused() -> None:
    given(build_placed(line("pen", 2))).when(change("pen", 2)).refused("NOTHING_CHANGES")


def test_changed_quantity_cannot_exceed_largest_total() -> None:
    order = given(build_placed(line("pen", 1, HALF)))
    order.when(change("pen", 2)).then(OrderLineQuantityChanged(product_id="pen", quantity=2))
    order.when(change("pen", 3)).refused("TOTAL_TOO_LARGE", max_total_units="1000000000000")


def test_quantity_of_line_without_price_can_be_changed() -> None:
    order = (
        given(OrderPlaced(lines=[unpriced("pen", 0)]))
        .when(change("pen", 7))
        .then(OrderLineQuantityChanged(product_id="pen", quantity=7))
    )
    assert order.total_quantity == 7
    assert not order.HasField("total_amount")


def test_product_is_removed() -> None:
    order = (
        given(build_placed(line("pen", 2), line("ink", 1))).when(remove("pen")).then(OrderLineRemoved(product_id="pen"))
    )
    assert [line.product_id for line in order.lines] == ["ink"]
    assert (order.total_amount, order.total_quantity) == (build_money(10), 1)


def test_order_has_total_after_its_last_unpriced_line_is_removed() -> None:
    order = (
        given(OrderPlaced(lines=[unpriced("pen"), line("ink", 2)]))
        .when(remove("pen"))
        .then(OrderLineRemoved(product_id="pen"))
    )
    assert order.total_amount == build_money(20)


def test_product_that_is_not_on_order_cannot_be_removed() -> None:
    given(build_placed(line("pen"))).when(remove("ink")).refused("PRODUCT_NOT_ORDERED", product_id="ink")


def test_last_line_cannot_be_removed() -> None:
    given(build_placed(line("pen"))).when(remove("pen")).refused("LAST_LINE")


def test_delivery_is_rescheduled_to_another_day() -> None:
    order = (
        given(build_placed(line("pen"), day=build_date(2024, 3, 1)))
        .when(reschedule(build_date(2024, 2, 29)))
        .then(OrderDeliveryRescheduled(expected_delivery_date=build_date(2024, 2, 29)))
    )
    assert order.expected_delivery_date == build_date(2024, 2, 29)


def test_order_without_delivery_day_gets_one() -> None:
    given(build_placed(line("pen"))).when(reschedule(build_date(2024, 3, 1))).then(
        OrderDeliveryRescheduled(expected_delivery_date=build_date(2024, 3, 1))
    )


def test_unchanged_delivery_day_is_refused() -> None:
    given(build_placed(line("pen"), day=build_date(2024, 3, 1))).when(reschedule(build_date(2024, 3, 1))).refused(
        "NOTHING_CHANGES"
    )


def test_delivery_cannot_be_rescheduled_to_impossible_day() -> None:
    given(build_placed(line("pen"))).when(reschedule(build_date(2024, 2, 30))).refused(
        "INVALID_REQUEST", "expected_delivery_date"
    )
