"""Days in the conditions of requests."""

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST
from ordertrail_server.orders.days import is_real_day
from ordertrail_server.orders.refusal import Refusal, Refused


def require_real_day(day: Date, where: str) -> Date:
    """Return the day in the request field `where`. Raises Refused if the calendar has no such day."""
    if not is_real_day(day):
        message = f"{where}: there is no day {day.year:04}-{day.month:02}-{day.day:02}."
        raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where=where))
    return day


def day_text(day: Date) -> str:
    """Return a day as the readable projections store it, such as 2026-03-15."""
    return f"{day.year:04}-{day.month:02}-{day.day:02}"
