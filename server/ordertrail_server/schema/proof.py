"""The proof at start that every event ever stored has a reading, and that what is written reads back as itself."""

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.gaps import envelope_gaps, message_gaps, number_gaps
from ordertrail_server.schema.registry import FAMILIES, PUBLIC
from ordertrail_server.schema.round_trip import round_trip_gaps


class SchemaIncompleteError(Exception):
    """Some stored event has no sound reading; the text lists every gap, as `gaps` does."""

    def __init__(self, gaps: list[str]) -> None:
        super().__init__("The schema is incomplete:\n" + "\n".join(f"- {gap}" for gap in gaps))
        self.gaps = gaps


def prove() -> None:
    """Check every version of every event, in some milliseconds. Raises SchemaIncompleteError."""
    gaps = [
        *envelope_gaps(Record.DESCRIPTOR, HistoryEvent.DESCRIPTOR),
        *number_gaps(Record.DESCRIPTOR, HistoryEvent.DESCRIPTOR),
        *message_gaps(Record.DESCRIPTOR),
        *FAMILIES.gaps,
        *PUBLIC.gaps,
    ]
    # What is written can be tried only where all is in its place.
    if gaps := gaps or round_trip_gaps():
        raise SchemaIncompleteError(gaps)
