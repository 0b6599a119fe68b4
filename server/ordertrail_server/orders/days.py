"""Days of the calendar."""

from datetime import date

from ordertrail.v1.date_pb2 import Date


def is_real_day(day: Date) -> bool:
    """Return whether the Gregorian calendar has the day. 30 February and an empty Date are no days."""
    try:
        date(day.year, day.month, day.day)
    except ValueError:
        return False
    return True
