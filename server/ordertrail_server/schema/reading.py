"""The one way from stored bytes to a public event, for every path: writer, projector, streams, audit.

`HistoryEvent` has the record's envelope on the same numbers, and each newest stored event that sits on its public
event's number has its wire shape. So one parse reads the record, and its bytes are sent on as they are.
`proof` shows at start that this holds.
"""

from typing import NamedTuple

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.registry import HOPS, message_of, public_events, version_of, written_as
from ordertrail_server.schema.upcasting import CannotUpcast
from ordertrail_server.schema.wire import bytes_tag, chunk

_PASSING = {public.name: version_of(message_of(case)) for case, public in written_as() if public.number == case.number}
_PUBLIC_TAG = {name: bytes_tag(field.number) for name, field in public_events().items()}
# The numbers of a record that are no event's: its envelope, also of a later release, and what HistoryEvent adds.
_NO_EVENTS = {*range(1, 10), *range(16, 20), *range(100, 200)}


class Reading(NamedTuple):
    """What a stored record says today."""

    event: HistoryEvent
    """The envelope (fields 1 to 8), and the public event unless there is a fault."""

    written_version: int
    """The version of the stored event: 2 for `ordertrail.events.v2`; 0 for an event that this release cannot name."""

    fault: str
    """Why the event cannot be read, as one sentence without its full stop; empty if it can."""

    passes_through: bool
    """Whether the stored bytes have the public wire shape already."""


def read(value: bytes) -> Reading | None:
    """Read a stored record; return None if it is no record that names an order. Never raises, whatever the bytes."""
    try:
        event = HistoryEvent.FromString(value)
    except DecodeError:
        return None
    if not event.order_id:
        return None
    if event.digest or event.written_version or event.HasField("position"):
        _clear_place(event)
    version = _PASSING.get(event.WhichOneof("event") or "")
    if version is None or UnknownFieldSet(event):
        return _read_unlike(event, version, value)
    return Reading(event, version, "", True)


def _clear_place(event: HistoryEvent) -> None:
    # A record knows nothing of its place; one that claims to must not have it believed.
    event.ClearField("position")
    event.ClearField("digest")
    event.ClearField("written_version")


def _read_unlike(event: HistoryEvent, version: int | None, value: bytes) -> Reading | None:
    """Read a record that is not wholly of the public wire shape; `version` is that of a newest event it holds."""
    unknown = UnknownFieldSet(event)
    numbers = [unknown[place].field_number for place in range(len(unknown))]
    others = [number for number in numbers if number not in _NO_EVENTS]
    if version is not None and not others:
        return Reading(event, version, "", True)
    event.DiscardUnknownFields()
    event.ClearField("event")
    if version is not None or len(others) > 1:
        return Reading(event, 0, "the record holds more than one event", False)
    try:
        record = Record.FromString(value)
    except DecodeError:
        return None
    return _upcast(event, record, others)


def _upcast(event: HistoryEvent, record: Record, numbers: list[int]) -> Reading:
    case = record.WhichOneof("event")
    if case is None:
        return Reading(event, 0, _unknown(numbers), False)
    stored = getattr(record, case)
    version = version_of(stored.DESCRIPTOR)
    try:
        newest = upcast(stored)
    except CannotUpcast as error:
        return Reading(event, version, str(error), False)
    except Exception:  # an upcaster's defect parks one order; it must not stop all who read
        return Reading(event, version, f"the reading of {stored.DESCRIPTOR.full_name} failed", False)
    event.MergeFromString(chunk(_PUBLIC_TAG[newest.DESCRIPTOR.name], newest.SerializeToString()))
    return Reading(event, version, "", False)


def _unknown(numbers: list[int]) -> str:
    if not numbers:
        return "the record holds no event"
    return f"the record holds an event of number {numbers[0]}, which this release does not know"


def upcast(stored: Message) -> Message:
    """Return a stored event in the newest version of its kind. Raises CannotUpcast."""
    while (hop := HOPS.get(type(stored))) is not None:
        stored = hop.upcast(stored)
    return stored
