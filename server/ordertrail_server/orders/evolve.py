"""Applies a fact to an order. The write side, the projector, as-of reads, snapshots and the audit all use it.

It does not check whether a fact was allowed: that was decided once, and rules may change, but facts do not.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import (
    OrderDeliveryRescheduled,
    OrderedLine,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderPlaced,
    OrderShipped,
)
from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail.v1.order_status_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_CONFIRMED,
    ORDER_STATUS_DELIVERED,
    ORDER_STATUS_PARTLY_SHIPPED,
    ORDER_STATUS_PLACED,
    ORDER_STATUS_RETURNED,
    ORDER_STATUS_SHIPPED,
    OrderStatus,
)
from ordertrail_server.orders.amounts import NANOS, nanos_of

Apply = Callable[[Order, Any], None]


class CannotFold(ValueError):
    """The event cannot follow on this state, so its order must be parked."""


def evolve(order: Order | None, event: HistoryEvent) -> Order:
    """Return the order after the event, as a new message; neither argument is changed.

    `None` is the order before its first fact. Raises CannotFold (or another ValueError) if the event cannot follow: its
    kind is unknown, its version is not the next, or the order does not have its line.
    """
    kind, version = event.WhichOneof("event"), event.order_version
    before = 0 if order is None else order.version
    if kind is None or version != before + 1 or (kind == _FIRST) != (order is None):
        raise CannotFold(f"{kind or 'an unknown event'} of version {version} cannot follow on version {before}")
    after, time = Order(), event.record_time
    if order is None:
        after.order_id = event.order_id
        after.create_time.CopyFrom(time)
        after.update_time.CopyFrom(time)
    else:
        after.CopyFrom(order)
        _advance_time(after.update_time, time)
    after.version = version
    _APPLY[kind](after, getattr(event, kind))
    return after


def fold(events: Iterable[HistoryEvent], order: Order | None = None) -> Order | None:
    """Return the order after the events, beginning with `order`. Raises as evolve does."""
    for event in events:
        order = evolve(order, event)
    return order


def _advance_time(last: Timestamp, now: Timestamp) -> None:
    difference = now.seconds - last.seconds
    if difference > 0 or (difference == 0 and now.nanos > last.nanos):
        last.CopyFrom(now)


def _apply_placed(order: Order, event: OrderPlaced) -> None:
    order.status = ORDER_STATUS_PLACED
    if event.HasField("customer_id"):
        order.customer_id = event.customer_id
    if event.HasField("expected_delivery_date"):
        order.expected_delivery_date.CopyFrom(event.expected_delivery_date)
    if event.HasField("source"):
        order.source.CopyFrom(event.source)
    _place_lines(order, event.lines)


def _place_lines(order: Order, lines: Iterable[OrderedLine]) -> None:
    # One explicit pass, because reading a message's field is slow and every order is placed once.
    add, quantity, nanos, priced, price = order.lines.add, 0, 0, True, None
    for line in lines:
        new = add()
        new.product_id = line.product_id
        new.quantity = ordered = line.quantity
        quantity += ordered
        if line.HasField("unit_price"):
            price = line.unit_price
            new.unit_price.CopyFrom(price)
            nanos += (price.units * NANOS + price.nanos) * ordered
        else:
            priced = False
    order.total_quantity = quantity
    if priced and price is not None:
        total = order.total_amount
        total.currency_code = price.currency_code
        _set_amount(total, nanos)


def _apply_line_added(order: Order, event: OrderLineAdded) -> None:
    line, lines = event.line, order.lines
    new = lines.add()
    new.product_id, new.quantity = line.product_id, line.quantity
    if line.HasField("unit_price"):
        new.unit_price.CopyFrom(line.unit_price)
    _update_totals(order, lines, new, new.quantity)


def _apply_quantity_changed(order: Order, event: OrderLineQuantityChanged) -> None:
    lines, quantity = order.lines, event.quantity
    line = lines[_index_of(lines, event.product_id)]
    difference = quantity - line.quantity
    line.quantity = quantity
    _update_totals(order, lines, line, difference)


def _apply_line_removed(order: Order, event: OrderLineRemoved) -> None:
    lines = order.lines
    line = lines.pop(_index_of(lines, event.product_id))
    _update_totals(order, lines, line, -line.quantity)


def _apply_rescheduled(order: Order, event: OrderDeliveryRescheduled) -> None:
    order.expected_delivery_date.CopyFrom(event.expected_delivery_date)


def _apply_shipped(order: Order, event: OrderShipped) -> None:
    lines = order.lines[:]
    by_product = {line.product_id: line for line in lines}
    for shipped in event.lines[:]:
        line = by_product.get(shipped.product_id)
        if line is None:
            raise CannotFold(f"{shipped.product_id!r} was shipped, which is not on the order")
        line.shipped_quantity += shipped.quantity
    whole = all(line.shipped_quantity >= line.quantity for line in lines)
    order.status = ORDER_STATUS_SHIPPED if whole else ORDER_STATUS_PARTLY_SHIPPED


def _set_status(status: OrderStatus.ValueType) -> Apply:
    def apply(order: Order, event: Any) -> None:
        order.status = status

    return apply


_FIRST = "order_placed"

_APPLY: dict[str, Apply] = {
    _FIRST: _apply_placed,
    "order_line_added": _apply_line_added,
    "order_line_quantity_changed": _apply_quantity_changed,
    "order_line_removed": _apply_line_removed,
    "order_delivery_rescheduled": _apply_rescheduled,
    "order_confirmed": _set_status(ORDER_STATUS_CONFIRMED),
    "order_shipped": _apply_shipped,
    "order_delivered": _set_status(ORDER_STATUS_DELIVERED),
    "order_cancelled": _set_status(ORDER_STATUS_CANCELLED),
    "order_returned": _set_status(ORDER_STATUS_RETURNED),
}


def _index_of(lines: Sequence[OrderLine], product_id: str) -> int:
    for index, line in enumerate(lines):
        if line.product_id == product_id:
            return index
    raise CannotFold(f"{product_id!r} is not on the order")


def _update_totals(order: Order, lines: Sequence[OrderLine], line: OrderLine, quantity: int) -> None:
    """Update the totals after the quantity of a line has changed by `quantity`; `lines` are those of the order."""
    order.total_quantity += quantity
    if lines and order.HasField("total_amount") and line.HasField("unit_price"):
        total = order.total_amount
        _set_amount(total, nanos_of(total) + nanos_of(line.unit_price) * quantity)
    else:
        _recompute_total(order, lines)


def _recompute_total(order: Order, lines: Sequence[OrderLine]) -> None:
    if lines and all(line.HasField("unit_price") for line in lines):
        total = order.total_amount
        total.currency_code = lines[0].unit_price.currency_code
        _set_amount(total, sum(nanos_of(line.unit_price) * line.quantity for line in lines))
    else:
        order.ClearField("total_amount")


def _set_amount(amount: Money, nanos: int) -> None:
    amount.units, amount.nanos = divmod(nanos, NANOS)
