"""Confirming, shipping, delivering, cancelling and returning an order."""

from tests.orders.spec import ORDER, build_placed, build_shipped, given, line, unpriced

from ordertrail.v1.commands_pb2 import (
    CancelOrderRequest,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.order_events_pb2 import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderPlaced,
    OrderReturned,
    OrderShipped,
    ShippedLine,
)
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_PARTLY_SHIPPED, ORDER_STATUS_SHIPPED

TWO = (build_placed(line("pen", 3), line("ink", 2)), OrderConfirmed())


def ship(*lines: ShippedLine) -> ShipOrderRequest:
    return ShipOrderRequest(order_id=ORDER, lines=lines)


def test_placed_order_is_confirmed() -> None:
    given(build_placed(line("pen"))).when(ConfirmOrderRequest(order_id=ORDER)).then(OrderConfirmed())


def test_order_with_only_zero_quantities_is_not_confirmed() -> None:
    nothing = OrderPlaced(lines=[unpriced("pen", 0), unpriced("ink", 0)])
    given(nothing).when(ConfirmOrderRequest(order_id=ORDER)).refused("NOTHING_ORDERED")


def test_one_quantity_above_0_suffices_to_confirm() -> None:
    partly_zero = OrderPlaced(lines=[unpriced("pen", 0), unpriced("ink", 1)])
    given(partly_zero).when(ConfirmOrderRequest(order_id=ORDER)).then(OrderConfirmed())


def test_shipment_without_lines_ships_whole_order() -> None:
    order = given(*TWO).when(ship()).then(OrderShipped(lines=[build_shipped("pen", 3), build_shipped("ink", 2)]))
    assert order.status == ORDER_STATUS_SHIPPED


def test_shipment_without_lines_ships_and_names_only_the_remainder() -> None:
    before = OrderShipped(lines=[build_shipped("pen", 1), build_shipped("ink", 2)])
    order = given(*TWO, before).when(ship()).then(OrderShipped(lines=[build_shipped("pen", 2)]))
    assert order.status == ORDER_STATUS_SHIPPED
    assert [line.shipped_quantity for line in order.lines] == [3, 2]


def test_line_of_quantity_0_is_never_part_of_a_shipment() -> None:
    imported = OrderPlaced(lines=[unpriced("pen", 0), unpriced("ink", 1)])
    order = given(imported, OrderConfirmed()).when(ship()).then(OrderShipped(lines=[build_shipped("ink", 1)]))
    assert order.status == ORDER_STATUS_SHIPPED


def test_shipped_lines_have_the_sequence_of_the_order() -> None:
    order = (
        given(*TWO)
        .when(ship(build_shipped("ink", 1), build_shipped("pen", 3)))
        .then(OrderShipped(lines=[build_shipped("pen", 3), build_shipped("ink", 1)]))
    )
    assert order.status == ORDER_STATUS_PARTLY_SHIPPED


def test_shipment_of_all_remaining_lines_completes_order() -> None:
    last = OrderShipped(lines=[build_shipped("ink", 2)])
    order = given(*TWO, OrderShipped(lines=[build_shipped("pen", 3)])).when(ship(build_shipped("ink", 2))).then(last)
    assert order.status == ORDER_STATUS_SHIPPED


def test_product_that_is_not_on_order_is_not_shipped() -> None:
    given(*TWO).when(ship(build_shipped("pad", 1))).refused("PRODUCT_NOT_ORDERED", product_id="pad")


def test_shipment_of_more_than_remains_is_refused() -> None:
    before = OrderShipped(lines=[build_shipped("pen", 1)])
    given(*TWO, before).when(ship(build_shipped("ink", 1), build_shipped("pen", 3))).refused(
        "MORE_THAN_ORDERED", product_id="pen", remaining="2"
    )


def test_shipment_that_names_a_product_twice_is_refused() -> None:
    given(*TWO).when(ship(build_shipped("pen", 1), build_shipped("pen", 1))).refused(
        "INVALID_REQUEST", "lines[1].product_id"
    )


def test_shipped_order_cannot_be_shipped_again() -> None:
    whole = OrderShipped(lines=[build_shipped("pen", 3), build_shipped("ink", 2)])
    refusal = (
        given(*TWO, whole)
        .when(ship(build_shipped("pen", 1)))
        .refused("STATUS_FORBIDS", status="ORDER_STATUS_SHIPPED", verb="ship_order")
    )
    assert refusal.message == "The order is SHIPPED; ship_order needs it to be CONFIRMED or PARTLY_SHIPPED."


def test_shipped_order_is_delivered() -> None:
    whole = OrderShipped(lines=[build_shipped("pen", 3), build_shipped("ink", 2)])
    given(*TWO, whole).when(DeliverOrderRequest(order_id=ORDER)).then(OrderDelivered())


def test_reason_of_cancellation_is_recorded_verbatim() -> None:
    order = given(build_placed(line("pen")))
    order.when(CancelOrderRequest(order_id=ORDER, reason="too late")).then(OrderCancelled(reason="too late"))
    order.when(CancelOrderRequest(order_id=ORDER, reason="")).then(OrderCancelled(reason=""))
    order.when(CancelOrderRequest(order_id=ORDER)).then(OrderCancelled())


def test_reason_of_return_is_recorded_verbatim() -> None:
    whole = OrderShipped(lines=[build_shipped("pen", 3), build_shipped("ink", 2)])
    order = given(*TWO, whole)
    order.when(ReturnOrderRequest(order_id=ORDER, reason="leaking")).then(OrderReturned(reason="leaking"))
    order.when(ReturnOrderRequest(order_id=ORDER)).then(OrderReturned())
