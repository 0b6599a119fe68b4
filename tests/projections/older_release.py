"""A release that does not know an event that this one does: what it would not read is not read here either."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.schema.event_cases import NEWEST

from ordertrail_server.schema import reading
from ordertrail_server.schema.cases import public_events
from ordertrail_server.schema.registry import READERS


@contextmanager
def not_knowing(*events: str) -> Iterator[None]:
    """Read as a release in whose contract these fields of the public event have no place yet."""
    written = {NEWEST[name].number for name, field in public_events().items() if field.name in events}
    known = {number: reader for number, reader in READERS.items() if number not in written}
    with pytest.MonkeyPatch.context() as older:
        older.setattr(reading, "READERS", known)
        for event in events:
            older.setitem(reading._PARSED, event, None)
            older.delitem(reading._PASSING, event, raising=False)
        yield
