"""Meanings of values in version 1: prices, times, days, words for a status."""

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail_server.orders.amounts import NO_CURRENCY
from ordertrail_server.schema.strict_json import quote_text
from ordertrail_server.schema.upcasting import CannotUpcast

MAX_PRICE: Final = 1_000_000_000_000
"""The most whole units of a price, as in ordertrail.v1.Money."""

_NANO: Final = Decimal("1e-9")
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = 86_400
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")
# The range of google.protobuf.Timestamp: the years 1 to 9999.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2})?)"  # to the minute or the second
    r"(?:[.,]([0-9]{1,9}))?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
_AMERICAN_DAY: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_WORDS: Final = {
    v2.ORDER_STATUS_PLACED: ("new", "created", "placed", "pending", "open", "submitted", "received"),
    v2.ORDER_STATUS_CONFIRMED: ("confirmed", "accepted", "approved", "booked", "assigned"),
    v2.ORDER_STATUS_SHIPPED: ("shipped", "dispatched", "sent", "in transit", "in-transit"),
    v2.ORDER_STATUS_DELIVERED: ("delivered", "completed", "complete", "closed"),
    v2.ORDER_STATUS_CANCELLED: ("cancelled", "canceled", "rejected", "aborted"),
    v2.ORDER_STATUS_RETURNED: ("returned",),
}
_STATUS: Final = {word: value for value, words in _WORDS.items() for word in words}


def price(amount: float) -> v2.Money:
    """Return the amount of a double's shortest decimal text, rounded half-even to nanos. Raises CannotUpcast."""
    if not 0 <= amount <= MAX_PRICE:
        raise CannotUpcast(f"unitPrice {amount!r} is not an amount from 0 to one trillion")
    total_nanos = Decimal(repr(amount)).quantize(_NANO, ROUND_HALF_EVEN).scaleb(9)
    units, nanos = divmod(int(total_nanos), 1_000_000_000)
    return v2.Money(currency_code=NO_CURRENCY, units=units, nanos=nanos)


def instant_of_millis(epoch_millis: int) -> Timestamp:
    """Return the time that is this number of milliseconds after 1970-01-01 UTC. Raises CannotUpcast."""
    seconds, millis = divmod(epoch_millis, 1_000)
    return _timestamp("timestamp", str(epoch_millis), seconds, millis * 1_000_000)


def instant(member: str, text: str) -> Timestamp:
    """Parse an ISO 8601 time, which must have a UTC offset. Raises CannotUpcast."""
    parts = _INSTANT.fullmatch(text)
    if parts is None:
        raise CannotUpcast(f"{member} {quote_text(text)} is not an ISO 8601 time with a time zone")
    moment, fraction, zone = parts.groups()
    if fraction is not None and moment.count(":") < 2:
        raise CannotUpcast(f"{member} {quote_text(text)} has a fraction of a minute")
    try:
        seconds = _seconds(moment, zone.upper())
    except ValueError:
        raise CannotUpcast(f"{member} {quote_text(text)} is not a time of the calendar") from None
    return _timestamp(member, quote_text(text), seconds, int((fraction or "").ljust(9, "0")))


def _seconds(moment: str, zone: str) -> int:
    """Return the seconds since 1970-01-01 UTC. Raises ValueError.

    A leap second, which is the last one of a day in UTC, is the second that follows it: a Timestamp has no other.
    """
    minute, leap = moment[:-3], moment.count(":") == 2 and moment.endswith(":60")
    seconds = (datetime.fromisoformat((f"{minute}:59" if leap else moment) + zone) - _EPOCH) // _SECOND + leap
    if leap and seconds % _DAY:
        raise ValueError
    return seconds


def day(text: str) -> v2.Date:
    """Parse a day in American notation, month/day/year. Raises CannotUpcast."""
    parts = _AMERICAN_DAY.fullmatch(text)
    try:
        if parts is None:
            raise ValueError
        parsed = date(int(parts[3]), int(parts[1]), int(parts[2]))
    except ValueError:
        raise CannotUpcast(
            f"order.expectedDeliveryDate {quote_text(text)} is not a day written month/day/year"
        ) from None
    return v2.Date(year=parsed.year, month=parsed.month, day=parsed.day)


def status(text: str) -> tuple[v2.OrderStatus.ValueType | None, str | None]:
    """Return the status that a word means, or else the text itself; (None, None) for an empty text."""
    word = text.strip().casefold()
    if not word:
        return None, None
    known_status = _STATUS.get(word)
    return known_status, text if known_status is None else None


def _timestamp(member: str, source_text: str, seconds: int, nanos: int) -> Timestamp:
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise CannotUpcast(f"{member} {source_text} lies outside of the years 1 to 9999")
    return Timestamp(seconds=seconds, nanos=nanos)
