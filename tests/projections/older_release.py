"""An older release, which does not know some of today's events."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.schema.event_cases import NEWEST

from ordertrail_server.schema import reading
from ordertrail_server.schema.cases import public_events
from ordertrail_server.schema.registry import READERS


@contextmanager
def hide_events(*events: str) -> Iterator[None]:
    """Read records as a release whose public event does not have these fields."""
    written = {NEWEST[name].number for name, field in public_events().items() if field.name in events}
    readers = {number: reader for number, reader in READERS.items() if number not in written}
    with pytest.MonkeyPatch.context() as older:
        older.setattr(reading, "READERS", readers)
        for event in events:
            older.setitem(reading._PARSED, event, None)
            older.delitem(reading._PASSING, event, raising=False)
        yield
