"""Checks the lines of new commands: each has a price, all have one currency, each product is on one line."""

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail_server.orders import grounds
from ordertrail_server.orders.amounts import MAX_TOTAL, NANOS, NO_CURRENCY
from ordertrail_server.orders.grounds import MAX_LINES
from ordertrail_server.orders.refusal import Refusal


def check_lines(command: PlaceOrderRequest) -> Refusal | None:
    """Return why the lines of a new order are refused, or None if they are not.

    One pass, because this is the hottest of all rules; texts are built only for a refusal.
    """
    order_id, lines = command.order_id, command.lines
    if not 1 <= len(lines) <= MAX_LINES:
        return (
            grounds.too_many_lines(order_id) if lines else grounds.invalid_field(order_id, "lines", "There is no line.")
        )
    products, currency, total = set(), None, 0
    for index, line in enumerate(lines):
        price = line.unit_price
        code = price.currency_code
        if code != currency:
            if refusal := check_price(order_id, line, f"lines[{index}]"):
                return refusal
            if currency is not None:
                return grounds.currency_differs(order_id, f"lines[{index}]", code, currency)
            currency = code
        products.add(line.product_id)
        total += (price.units * NANOS + price.nanos) * line.quantity
    if len(products) < len(lines):
        return grounds.product_twice(order_id, [line.product_id for line in lines])
    return grounds.total_too_large(order_id) if total > MAX_TOTAL else None


def check_price(order_id: str, line: OrderedLine, where: str) -> Refusal | None:
    """Return why the price of a new line at the path `where` is refused, or None if it is not."""
    if not line.HasField("unit_price"):
        return grounds.invalid_field(order_id, f"{where}.unit_price", "A new line has a unit price.")
    if line.unit_price.currency_code in ("", NO_CURRENCY):
        message = f"A new price names its currency; {NO_CURRENCY} stands only in orders of old producers."
        return grounds.invalid_field(order_id, f"{where}.unit_price.currency_code", message)
    return None
