"""Times as text that sorts like the times: ISO 8601 in UTC with nine digits after the second."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND_NS = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(nanoseconds: int) -> str:
    """Return the time that is this number of nanoseconds after 1970 UTC: 2026-03-15T12:00:00.000000000Z.

    Every number of 64 bits has such a time. All texts have the same width.
    """
    seconds, nanos = divmod(nanoseconds, SECOND_NS)
    return f"{_second_text(seconds)}.{nanos:09}Z"


@lru_cache(maxsize=10_000)
def _second_text(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def parse_time_text(text: str) -> int:
    """Return the nanoseconds since 1970 UTC of a time that `time_text` returned."""
    whole = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    return (whole - EPOCH) // timedelta(seconds=1) * SECOND_NS + int(text[20:29])
