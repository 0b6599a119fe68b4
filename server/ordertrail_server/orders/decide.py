"""Decides commands: the rules of an order's life cycle. docs/order-rules.md has the same rules as text and a table.

A command leads to one event or one refusal. The edge checks the bounds of single fields (lengths, ranges); these rules
need the order, several fields, or a calendar.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.order_events_pb2 import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderDeliveryRescheduled,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderPlaced,
    OrderReturned,
    OrderShipped,
)
from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail.v1.order_status_pb2 import (
    ORDER_STATUS_CANCELLED as CANCELLED,
    ORDER_STATUS_CONFIRMED as CONFIRMED,
    ORDER_STATUS_DELIVERED as DELIVERED,
    ORDER_STATUS_PARTLY_SHIPPED as PARTLY_SHIPPED,
    ORDER_STATUS_PLACED as PLACED,
    ORDER_STATUS_RETURNED as RETURNED,
    ORDER_STATUS_SHIPPED as SHIPPED,
    OrderStatus,
)
from ordertrail_server.orders import order_refusal
from ordertrail_server.orders.amounts import MAX_TOTAL, currency_of, nanos_of, priced_total
from ordertrail_server.orders.days import is_real_day
from ordertrail_server.orders.imported_order import find_fault
from ordertrail_server.orders.line_check import check_lines, check_price
from ordertrail_server.orders.order_refusal import MAX_LINES
from ordertrail_server.orders.refusal import Refusal

Command: TypeAlias = (
    PlaceOrderRequest
    | AddOrderLineRequest
    | ChangeOrderLineQuantityRequest
    | RemoveOrderLineRequest
    | RescheduleDeliveryRequest
    | ConfirmOrderRequest
    | ShipOrderRequest
    | DeliverOrderRequest
    | CancelOrderRequest
    | ReturnOrderRequest
    | OrderPlaced
)
"""The ten requests, and an imported order, which is an OrderPlaced."""

Event: TypeAlias = (
    OrderPlaced
    | OrderLineAdded
    | OrderLineQuantityChanged
    | OrderLineRemoved
    | OrderDeliveryRescheduled
    | OrderConfirmed
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | OrderReturned
)


def decide(order: Order | None, command: Command) -> Event | Refusal:
    """Return the event or the refusal of a command on an order (None: there is none). Changes neither argument."""
    if isinstance(command, (PlaceOrderRequest, OrderPlaced)):
        if order is not None:
            return order_refusal.order_exists(order.order_id)
        return place(command) if isinstance(command, PlaceOrderRequest) else import_order(command)
    if order is None:
        return order_refusal.order_not_found(command.order_id)
    verb = VERBS[type(command)]
    return verb.decide(order, command) if order.status in verb.allowed else _refuse_by_status(order, verb, command)


def place(command: PlaceOrderRequest) -> OrderPlaced | Refusal:
    """Place an order: priced lines in one currency, each product once. The day may be in the past."""
    lines = command.lines[:]  # read once, because every access of a line creates an object
    if refusal := check_lines(command.order_id, lines):
        return refusal
    day = command.expected_delivery_date if command.HasField("expected_delivery_date") else None
    if day is not None and not is_real_day(day):
        return order_refusal.no_such_day(command.order_id, day)
    placed = OrderPlaced(customer_id=command.customer_id, expected_delivery_date=day)
    add_line = placed.lines.add
    for line in lines:
        add_line().CopyFrom(line)  # a constructor would serialize and parse each line
    return placed


def import_order(order: OrderPlaced) -> OrderPlaced | Refusal:
    """Place an imported order: customer, prices and currency may be missing; quantities and prices may be 0."""
    fault = find_fault(order)
    return order_refusal.unreadable_document(fault) if fault else order


def add_line(order: Order, command: AddOrderLineRequest) -> OrderLineAdded | Refusal:
    """Add a product that is not on the order yet, in the currency of the order's prices."""
    line = command.line
    if refusal := check_price(order.order_id, line, "line"):
        return refusal
    products = [ordered.product_id for ordered in order.lines[:]]
    if line.product_id in products:
        return order_refusal.product_already_ordered(order.order_id, line.product_id)
    if len(products) >= MAX_LINES:
        return order_refusal.too_many_lines(order.order_id)
    price, currency = line.unit_price, currency_of(order)
    if currency not in ("", price.currency_code):
        return order_refusal.currency_differs(order.order_id, "line", price.currency_code, currency)
    if priced_total(order) + nanos_of(price) * line.quantity > MAX_TOTAL:
        return order_refusal.total_too_large(order.order_id)
    event = OrderLineAdded()
    event.line.CopyFrom(line)
    return event


def change_quantity(order: Order, command: ChangeOrderLineQuantityRequest) -> OrderLineQuantityChanged | Refusal:
    """Change the ordered quantity of a product."""
    line = _line_of(order, command.product_id)
    if line is None:
        return order_refusal.product_not_ordered(order.order_id, command.product_id)
    if command.quantity == line.quantity:
        return order_refusal.nothing_changes(order.order_id, f"{line.quantity} of this product are ordered already.")
    if priced_total(order) + nanos_of(line.unit_price) * (command.quantity - line.quantity) > MAX_TOTAL:
        return order_refusal.total_too_large(order.order_id)
    return OrderLineQuantityChanged(product_id=command.product_id, quantity=command.quantity)


def remove_line(order: Order, command: RemoveOrderLineRequest) -> OrderLineRemoved | Refusal:
    """Remove a product; the last one cannot be removed."""
    if _line_of(order, command.product_id) is None:
        return order_refusal.product_not_ordered(order.order_id, command.product_id)
    if len(order.lines) == 1:
        return order_refusal.last_line(order.order_id)
    return OrderLineRemoved(product_id=command.product_id)


def reschedule(order: Order, command: RescheduleDeliveryRequest) -> OrderDeliveryRescheduled | Refusal:
    """Change the expected delivery date to another day of the calendar."""
    day, current = command.expected_delivery_date, order.expected_delivery_date
    if not is_real_day(day):
        return order_refusal.no_such_day(order.order_id, day)
    if (day.year, day.month, day.day) == (current.year, current.month, current.day):
        return order_refusal.nothing_changes(order.order_id, "The delivery is expected on this day already.")
    return OrderDeliveryRescheduled(expected_delivery_date=day)


def confirm(order: Order, command: ConfirmOrderRequest) -> OrderConfirmed | Refusal:
    """Confirm the lines; at least one quantity must not be 0."""
    if order.total_quantity == 0:
        return order_refusal.nothing_ordered(order.order_id)
    return OrderConfirmed()


def ship(order: Order, command: ShipOrderRequest) -> OrderShipped | Refusal:
    """Ship the given lines, or all remaining ones if none is given; the event lists them in the order's sequence."""
    remaining = {line.product_id: line.quantity - line.shipped_quantity for line in order.lines[:]}
    lines = command.lines[:]
    quantities = {line.product_id: line.quantity for line in lines} or {p: q for p, q in remaining.items() if q}
    if lines and len(quantities) < len(lines):
        return order_refusal.product_twice(order.order_id, [line.product_id for line in lines])
    for product, quantity in quantities.items():
        if product not in remaining:
            return order_refusal.product_not_ordered(order.order_id, product)
        if quantity > remaining[product]:
            return order_refusal.more_than_ordered(order.order_id, product, remaining[product])
    event = OrderShipped()
    for product in remaining:
        if product in quantities:
            event.lines.add(product_id=product, quantity=quantities[product])
    return event


def deliver(order: Order, command: DeliverOrderRequest) -> OrderDelivered:
    """Record that all shipped goods arrived."""
    return OrderDelivered()


def cancel(order: Order, command: CancelOrderRequest) -> OrderCancelled:
    """Cancel the order before anything is shipped."""
    return OrderCancelled(reason=command.reason if command.HasField("reason") else None)


def return_order(order: Order, command: ReturnOrderRequest) -> OrderReturned:
    """Return the whole order."""
    return OrderReturned(reason=command.reason if command.HasField("reason") else None)


class Verb(NamedTuple):
    """A verb on an order that exists, and the statuses in which it is allowed.

    `name` is its field in ordertrail.v1.Command. In status `done` the verb has no further effect.
    """

    name: str
    decide: Callable[[Order, Any], Event | Refusal]
    allowed: tuple[OrderStatus.ValueType, ...]
    done: OrderStatus.ValueType | None = None


VERBS: dict[type, Verb] = {
    AddOrderLineRequest: Verb("add_order_line", add_line, (PLACED,)),
    ChangeOrderLineQuantityRequest: Verb("change_order_line_quantity", change_quantity, (PLACED,)),
    RemoveOrderLineRequest: Verb("remove_order_line", remove_line, (PLACED,)),
    RescheduleDeliveryRequest: Verb("reschedule_delivery", reschedule, (PLACED, CONFIRMED, PARTLY_SHIPPED)),
    ConfirmOrderRequest: Verb("confirm_order", confirm, (PLACED,), done=CONFIRMED),
    ShipOrderRequest: Verb("ship_order", ship, (CONFIRMED, PARTLY_SHIPPED), done=SHIPPED),
    DeliverOrderRequest: Verb("deliver_order", deliver, (SHIPPED,), done=DELIVERED),
    CancelOrderRequest: Verb("cancel_order", cancel, (PLACED, CONFIRMED), done=CANCELLED),
    ReturnOrderRequest: Verb("return_order", return_order, (SHIPPED, DELIVERED), done=RETURNED),
}


def _refuse_by_status(order: Order, verb: Verb, command: Command) -> Refusal:
    # A request with lines would ship goods a second time; one without lines would change nothing.
    has_lines = isinstance(command, ShipOrderRequest) and len(command.lines) > 0
    if order.status == verb.done and not has_lines:
        return order_refusal.nothing_changes(
            order.order_id, f"The order is {order_refusal.status_word(order.status)} already."
        )
    return order_refusal.status_forbids(order.order_id, order.status, verb.name, verb.allowed)


def _line_of(order: Order, product_id: str) -> OrderLine | None:
    for line in order.lines:
        if line.product_id == product_id:
            return line
    return None
