"""The readable text of values, for any value that a producer may have recorded. No function here raises."""

from functools import lru_cache

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail_server.orders.amounts import NANOS
from ordertrail_server.orders.order_refusal import status_word

MAX_INTEGER = (1 << 63) - 1
EVENT_TYPES = {case.name: case.name.upper() for case in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields}
STATUSES: dict[int, str] = {number: status_word(number) for number in OrderStatus.values()}


def status_text(status: int) -> str:
    """Return the word of a status, such as PARTLY_SHIPPED; the number of one that this release does not know."""
    return STATUSES.get(status) or str(status)


@lru_cache(maxsize=10_000)
def amount_text(units: int, nanos: int) -> str:
    """Return an exact amount with at least two decimals: 15.60, 0.125."""
    total = units * NANOS + nanos
    whole, fraction = divmod(abs(total), NANOS)
    digits = f"{fraction:09}".rstrip("0")
    return f"{'-' if total < 0 else ''}{whole}.{digits:0<2}"


def delivery_date_text(order: Order) -> str | None:
    """Return the expected delivery date, such as 2026-03-15; None if the order has none."""
    return _day_text(order.expected_delivery_date) if order.HasField("expected_delivery_date") else None


def _day_text(day: Date) -> str:
    return _join_day(day.year, day.month, day.day)


@lru_cache(maxsize=10_000)
def _join_day(year: int, month: int, day: int) -> str:
    return f"{year:04}-{month:02}-{day:02}"


def shipped_total(order: Order) -> int:
    """Return the sum of the shipped quantities, as far as 64 bits can hold it."""
    total = sum([line.shipped_quantity for line in order.lines[:]])
    return max(-MAX_INTEGER, min(total, MAX_INTEGER))
