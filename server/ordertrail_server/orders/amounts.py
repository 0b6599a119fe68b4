"""Exact amounts of money, as integers of nanos: billionths of a currency's unit. No amount is a float."""

from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_pb2 import Order

NANOS = 1_000_000_000

MAX_TOTAL = 1_000_000_000_000 * NANOS
"""The largest total of one order, in nanos: one trillion units."""

NO_CURRENCY = "XXX"
"""The currency code of an imported price without a currency (ISO 4217)."""


def nanos_of(money: Money) -> int:
    """Return an amount in nanos; an absent price is 0."""
    return money.units * NANOS + money.nanos


def priced_total(order: Order) -> int:
    """Return the sum over the lines that have a price, in nanos.

    It is bounded even if a line without a price leaves `total_amount` absent, because the line may be removed later.
    """
    if order.HasField("total_amount"):
        return nanos_of(order.total_amount)
    return sum(nanos_of(line.unit_price) * line.quantity for line in order.lines)


def currency_of(order: Order) -> str:
    """Return the one currency of an order's prices, or "" while no line has a price."""
    if order.HasField("total_amount"):
        return order.total_amount.currency_code
    return next((line.unit_price.currency_code for line in order.lines if line.HasField("unit_price")), "")
