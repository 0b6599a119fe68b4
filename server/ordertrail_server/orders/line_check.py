"""Checks the lines of new commands: each has a price, all have one currency, each product is on one line."""

from collections.abc import Sequence

from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail_server.orders import order_refusal
from ordertrail_server.orders.amounts import MAX_TOTAL, NANOS, NO_CURRENCY
from ordertrail_server.orders.order_refusal import MAX_LINES
from ordertrail_server.orders.refusal import Refusal


def check_lines(order_id: str, lines: Sequence[OrderedLine]) -> Refusal | None:
    """Return the refusal of a new order's lines, or None if they are valid.

    It checks in one pass and builds texts only for a refusal, because this is the hottest rule.
    """
    if not 1 <= len(lines) <= MAX_LINES:
        return (
            order_refusal.too_many_lines(order_id)
            if lines
            else order_refusal.invalid_field(order_id, "lines", "An order needs at least one line.")
        )
    products, currency, total = set(), None, 0
    for index, line in enumerate(lines):
        price = line.unit_price
        code = price.currency_code
        if code != currency:
            if refusal := check_price(order_id, line, f"lines[{index}]"):
                return refusal
            if currency is not None:
                return order_refusal.currency_differs(order_id, f"lines[{index}]", code, currency)
            currency = code
        products.add(line.product_id)
        total += (price.units * NANOS + price.nanos) * line.quantity
    if len(products) < len(lines):
        return order_refusal.product_twice(order_id, [line.product_id for line in lines])
    return order_refusal.total_too_large(order_id) if total > MAX_TOTAL else None


def check_price(order_id: str, line: OrderedLine, where: str) -> Refusal | None:
    """Return the refusal of the price of a new line at the path `where`, or None if it is valid."""
    if not line.HasField("unit_price"):
        return order_refusal.invalid_field(order_id, f"{where}.unit_price", "A new line needs a unit price.")
    if line.unit_price.currency_code in ("", NO_CURRENCY):
        message = f"A new price needs a currency code; {NO_CURRENCY} is for imported orders only."
        return order_refusal.invalid_field(order_id, f"{where}.unit_price.currency_code", message)
    return None
