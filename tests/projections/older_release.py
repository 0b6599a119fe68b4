"""A release that does not know an event that this one does: what it would not read is not read here either."""

from collections.abc import Iterator
from contextlib import contextmanager

from ordertrail_server.schema import reading


@contextmanager
def not_knowing(*events: str) -> Iterator[None]:
    """Read as a release in whose contract these fields of the public event have no place yet."""
    parsed, passing = dict(reading._PARSED), dict(reading._PASSING)
    for event in events:
        reading._PARSED[event] = None
        reading._PASSING.pop(event, None)
    try:
        yield
    finally:
        reading._PARSED.update(parsed)
        reading._PASSING.update(passing)
