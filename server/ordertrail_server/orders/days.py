"""Days of the calendar."""

from datetime import date

from ordertrail.v1.date_pb2 import Date


def is_real_day(day: Date) -> bool:
    """Return whether the Gregorian calendar has the day. 30 February and an empty Date are not days."""
    try:
        date(day.year, day.month, day.day)
    except ValueError:
        return False
    return True


def encode_day(day: Date) -> int:
    """Return a day as an integer that sorts like the calendar and can be read: 20261231."""
    return day.year * 10_000 + day.month * 100 + day.day


def decode_day(number: int) -> Date:
    """Return the day of which `encode_day` returns this integer."""
    return Date(year=number // 10_000, month=number // 100 % 100, day=number % 100)
