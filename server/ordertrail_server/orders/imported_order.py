"""Checks imported orders, which may have no customer, prices or currencies."""

import re

from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_PLACED, ORDER_STATUS_UNSPECIFIED, OrderStatus
from ordertrail_server.orders.amounts import MAX_TOTAL, NANOS, nanos_of
from ordertrail_server.orders.days import is_real_day
from ordertrail_server.orders.order_refusal import MAX_LINES, status_word

MAX_ID = 128
MAX_QUANTITY = 1_000_000
MAX_UNITS = 1_000_000_000_000
_ID = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{1,{MAX_ID}}}")
_CURRENCY = re.compile("[A-Z]{3}")


def is_id(text: str) -> bool:
    """Return whether a text is a valid id: 1 to 128 characters without control characters."""
    return _ID.fullmatch(text) is not None


def find_fault(order: OrderPlaced) -> str | None:
    """Return the reason why an imported order cannot be placed, as a sentence, or None if it can.

    It checks every bound, because the edge checks none. The bounds are those of commands in ordertrail.v1, except that
    quantities and prices may be 0.
    """
    return _fault_of_source(order) or _fault_of_lines(order) or _fault_beyond_lines(order)


def _fault_of_source(order: OrderPlaced) -> str | None:
    status = order.source.status
    if status not in (ORDER_STATUS_PLACED, ORDER_STATUS_UNSPECIFIED):
        is_known = status in OrderStatus.values()
        return (
            f"Its status in the source is {status_word(status) if is_known else status}; only PLACED can be imported."
        )
    return None


def _fault_of_lines(order: OrderPlaced) -> str | None:
    if not 1 <= len(order.lines) <= MAX_LINES:
        return f"An order must have 1 to {MAX_LINES} lines, not {len(order.lines)}."
    products: set[str] = set()
    for number, line in enumerate(order.lines, 1):
        if fault := _fault_of_line(line):
            return f"Line {number} {fault}."
        if line.product_id in products:
            return f"Line {number} names the product {line.product_id!r} a second time."
        products.add(line.product_id)
    return None


def _fault_of_line(line: OrderedLine) -> str | None:
    if not line.product_id:
        return "has no product id"
    if not is_id(line.product_id):
        return f"has a product id of more than {MAX_ID} characters or with control characters"
    if not 0 <= line.quantity <= MAX_QUANTITY:
        return f"orders {line.quantity}; the quantity must be 0 to {MAX_QUANTITY}"
    return _fault_of_price(line.unit_price) if line.HasField("unit_price") else None


def _fault_of_price(price: Money) -> str | None:
    if not _CURRENCY.fullmatch(price.currency_code):
        return f"has a price in {price.currency_code!r}, which is not a currency code"
    if price.units < 0 or price.nanos < 0:
        return "has a price below 0"
    if price.units > MAX_UNITS or price.nanos >= NANOS:
        return f"has a price above {MAX_UNITS} units, or {NANOS} nanos or more"
    return None


def _fault_beyond_lines(order: OrderPlaced) -> str | None:
    if order.HasField("customer_id") and not is_id(order.customer_id):
        return f"The customer id must have 1 to {MAX_ID} characters and no control characters."
    if order.HasField("expected_delivery_date") and not is_real_day(order.expected_delivery_date):
        return "The expected delivery date is not a day of the calendar."
    if len({line.unit_price.currency_code for line in order.lines if line.HasField("unit_price")}) > 1:
        return "The prices have more than one currency."
    if sum(nanos_of(line.unit_price) * line.quantity for line in order.lines) > MAX_TOTAL:
        return f"The total exceeds {MAX_TOTAL // NANOS:,} units of its currency."
    return None
