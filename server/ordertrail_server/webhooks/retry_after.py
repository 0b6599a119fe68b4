"""The header `Retry-After` of a response. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_retry_after(text: str, now: float) -> float:
    """Return the seconds that a header `Retry-After` asks for: a number, or a date; 0 if it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now, UTC)).total_seconds())
