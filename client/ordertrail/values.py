"""Converts plain Python values to messages of the contract and back, exactly: nothing is rounded or guessed."""

from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, ShippedLine

__all__ = ["amount_of", "date_of", "day", "line", "moment", "money", "shipped"]

NANOS = 1_000_000_000

# Enough digits for any allowed amount; a longer one is refused, not rounded.
_EXACT = Context(prec=60, traps=[InvalidOperation, Inexact])


def money(amount: Decimal | str | int, currency: str) -> Money:
    """Return an exact amount of money; `currency` is an ISO 4217 code.

    Raises TypeError for a float, because it is not exact, and ValueError for a text that is not a number, a negative
    amount, or more than nine decimals. The server checks the upper bound.
    """
    if isinstance(amount, float):
        raise TypeError("Give an amount as a Decimal, a str or an int, because a float is not exact.")
    try:
        nanos = _EXACT.to_integral_exact(_EXACT.scaleb(Decimal(amount), 9))
    except (InvalidOperation, Inexact):
        raise ValueError(f"{amount!r} is not an amount of money; give a number with at most nine decimals.") from None
    if not nanos.is_finite():
        raise ValueError(f"{amount!r} is not an amount of money; give a finite number.")
    if nanos < 0:
        raise ValueError(f"{amount!r} is negative; an amount of money is 0 or more.")
    units, remainder = divmod(int(nanos), NANOS)
    return Money(currency_code=currency, units=units, nanos=remainder)


def amount_of(sum_of_money: Money) -> Decimal:
    """Return the amount, exactly, with at least two decimals."""
    exact = Decimal(sum_of_money.units * NANOS + sum_of_money.nanos).scaleb(-9)
    hundredths = exact.quantize(Decimal("0.01"))
    return hundredths if hundredths == exact else exact.normalize()


def line(product_id: str, quantity: int, unit_price: Decimal | str | int, currency: str) -> OrderedLine:
    """Return an ordered line. `unit_price` is the price of one piece. Raises the errors of `money`."""
    return OrderedLine(product_id=product_id, quantity=quantity, unit_price=money(unit_price, currency))


def shipped(product_id: str, quantity: int) -> ShippedLine:
    """Return a line of a partial shipment."""
    return ShippedLine(product_id=product_id, quantity=quantity)


def day(when: date) -> Date:
    """Return a date as a message. Raises TypeError for a datetime, because its day depends on a time zone."""
    if isinstance(when, datetime):
        raise TypeError("Give a day as a date, because the day of a datetime depends on a time zone.")
    return Date(year=when.year, month=when.month, day=when.day)


def date_of(date_message: Date) -> date:
    """Return the Python date of a message. Raises ValueError if the calendar has no such day."""
    return date(date_message.year, date_message.month, date_message.day)


def moment(when: datetime) -> Timestamp:
    """Return a point in time as a message, to the microsecond. Raises ValueError for a datetime without a time zone."""
    if when.tzinfo is None:
        raise ValueError("Give a time with a time zone, e.g. datetime.now(UTC).")
    stamp = Timestamp()
    stamp.FromDatetime(when.astimezone(UTC))
    return stamp
