"""The check at start: every stored version can be read completely, and no released message has changed."""

from google.protobuf.descriptor import Descriptor

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.lock.lock_file import read_lock, released_gaps, unlocked_names
from ordertrail_server.schema.lock.reused_numbers import reused_number_gaps
from ordertrail_server.schema.proof.function_samples import unnamed_gaps
from ordertrail_server.schema.proof.record_gaps import decision_gaps, envelope_gaps, message_gaps, number_gaps
from ordertrail_server.schema.proof.round_trip import round_trip_gaps
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.registry import FAMILIES, PUBLIC


class SchemaRefused(OperatorError):
    """The stored schema cannot be used. The text lists all gaps, as `gaps` does."""

    headline = "The schema cannot be used"

    def __init__(self, gaps: list[str]) -> None:
        super().__init__(f"{self.headline}:\n" + "\n".join(f"- {gap}" for gap in gaps))
        self.gaps = gaps


class SchemaIncompleteError(SchemaRefused):
    """A stored event cannot be read completely."""

    headline = "The schema is incomplete"


class ReleasedSchemaError(SchemaRefused):
    """A released message has changed, or a written one is not released."""

    headline = "The schema does not match its lock"


def gaps_of(record: Descriptor, history_event: Descriptor, families: Families, public: PublicHops) -> list[str]:
    """Return each gap that descriptors show in the reading of stored events, with its remedy."""
    return [
        *envelope_gaps(record, history_event),
        *number_gaps(record, history_event),
        *message_gaps(record),
        *families.gaps,
        *reused_number_gaps(families),
        *public.gaps,
        *decision_gaps(public),
    ]


def check_readings() -> None:
    """Check every version of every event. Takes some milliseconds. Raises SchemaIncompleteError."""
    gaps = gaps_of(Record.DESCRIPTOR, HistoryEvent.DESCRIPTOR, FAMILIES, PUBLIC)
    # Samples can be read and written only if the schema has no gaps.
    if gaps := gaps or unnamed_gaps([*FAMILIES.hops.values(), *PUBLIC.all_hops]) or round_trip_gaps():
        raise SchemaIncompleteError(gaps)


def check_lock(lock: str, allow_unlocked: bool = False) -> None:
    """Check that no locked type has changed, and that every stored type is locked. Raises ReleasedSchemaError.

    A fact stored in a version that may still be edited could not be read after the edit. `allow_unlocked` lets that
    pass, for development.
    """
    gaps = released_gaps(Record.DESCRIPTOR, lock)
    if lock and not allow_unlocked:
        release = "release it with `ordertrail schema lock`, or start with --allow-unlocked-schema to try it"
        gaps += [
            f"{name} is not released, so it may still change: {release}"
            for name in unlocked_names(Record.DESCRIPTOR, lock)
        ]
    if gaps:
        raise ReleasedSchemaError(gaps)


def check_schema(allow_unlocked: bool = False) -> None:
    """Check the schema as a server must at its start. Raises ReleasedSchemaError, SchemaIncompleteError."""
    lock = read_lock()
    # The lock comes first: if a locked message was edited, it must be restored, and other remedies would mislead.
    check_lock(lock, allow_unlocked=True)
    check_readings()
    check_lock(lock, allow_unlocked)
