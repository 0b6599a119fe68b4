"""The cases of events in this release's record. Tests that use them still pass after a new version."""

from typing import Final

from google.protobuf.descriptor import FieldDescriptor

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.cases import cases, message_of, public_events, version_of


def list_versions(event: str) -> list[FieldDescriptor]:
    """Return the cases of an event, "OrderPlaced", from its oldest version to its newest."""
    of_event = [case for case in cases() if message_of(case).name == event]
    return sorted(of_event, key=lambda case: version_of(message_of(case)))


NEWEST: Final = {event: list_versions(event)[-1] for event in public_events()}
"""The case in which each public event is written."""

PASSING: Final = [case for case in NEWEST.values() if case.number in HistoryEvent.DESCRIPTOR.fields_by_number]
"""The cases with the number of their public event. Their bytes are sent to clients unchanged."""

UNUSED: Final = next(number for number in range(20, 100) if number not in Record.DESCRIPTOR.fields_by_number)
"""A number that an event of the next release can have."""
