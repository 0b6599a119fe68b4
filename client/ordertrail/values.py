"""Plain Python values as the contract's messages, and back: exact, or refused; nothing is rounded or guessed."""

from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, ShippedLine

__all__ = ["amount_of", "date_of", "day", "line", "moment", "money", "shipped"]

NANOS = 1_000_000_000

# Long enough for any amount that is allowed; a longer one is refused, never rounded.
_EXACT = Context(prec=60, traps=[InvalidOperation, Inexact])


def money(amount: Decimal | str | int, currency: str) -> Money:
    """Return an exact amount of money; `currency` is an ISO 4217 code.

    Raises TypeError for a float, which is not exact; ValueError for what is no number, or is finer than a billionth.
    Bounds are the server's to check.
    """
    if isinstance(amount, float):
        raise TypeError("Give money as a Decimal, a str or an int: a float is not exact.")
    try:
        nanos = _EXACT.to_integral_exact(_EXACT.scaleb(Decimal(amount), 9))
    except (InvalidOperation, Inexact):
        raise ValueError(f"{amount!r} is no amount of money, or is finer than a billionth.") from None
    if not nanos.is_finite():
        raise ValueError(f"{amount!r} is no amount of money.")
    if nanos < 0:
        raise ValueError(f"{amount!r} is negative, and no money here is.")
    units, remainder = divmod(int(nanos), NANOS)
    return Money(currency_code=currency, units=units, nanos=remainder)


def amount_of(sum_of_money: Money) -> Decimal:
    """Return the amount, exactly, with at least two decimals."""
    exact = Decimal(sum_of_money.units * NANOS + sum_of_money.nanos).scaleb(-9)
    hundredths = exact.quantize(Decimal("0.01"))
    return hundredths if hundredths == exact else exact.normalize()


def line(product_id: str, quantity: int, unit_price: Decimal | str | int, currency: str) -> OrderedLine:
    """Return a line to order; the price is that of one. Raises as money does."""
    return OrderedLine(product_id=product_id, quantity=quantity, unit_price=money(unit_price, currency))


def shipped(product_id: str, quantity: int) -> ShippedLine:
    """Return a line of a part shipment."""
    return ShippedLine(product_id=product_id, quantity=quantity)


def day(when: date) -> Date:
    """Return a day. Raises TypeError for a datetime, whose day depends on a time zone."""
    if isinstance(when, datetime):
        raise TypeError("Give a day as a date: the day of a datetime depends on a time zone.")
    return Date(year=when.year, month=when.month, day=when.day)


def date_of(named: Date) -> date:
    """Return the day as a date. Raises ValueError for one that the calendar lacks."""
    return date(named.year, named.month, named.day)


def moment(when: datetime) -> Timestamp:
    """Return a point in time, in microseconds. Raises ValueError for a datetime without a time zone."""
    if when.tzinfo is None:
        raise ValueError("Give times with a time zone, e.g. datetime.now(UTC).")
    stamp = Timestamp()
    stamp.FromDatetime(when.astimezone(UTC))
    return stamp
