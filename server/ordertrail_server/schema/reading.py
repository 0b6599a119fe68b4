"""The only code that reads stored bytes as a public event. Writer, projector, streams and audit all use it.

`HistoryEvent` has the record's envelope, and the events that need no change, under the same field numbers. So such a
record is parsed once as `HistoryEvent`, and its bytes are sent to clients as they are. `proof` checks this at start.
"""

from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.orders.error_text import error_text, named_error_text
from ordertrail_server.schema.hops.unnamed_value import UnnamedValue
from ordertrail_server.schema.readers import Reader
from ordertrail_server.schema.record_fields import event_numbers, read_envelope, refusal_in
from ordertrail_server.schema.registry import READERS
from ordertrail_server.schema.upcasting import CannotUpcast

# {name of a public event: the stored version with the same number}. Parsing the envelope also parses its event.
_PARSED: Final = {
    field.name: READERS.get(field.number) for field in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields
}
_PASSING: Final = {name: reader for name, reader in _PARSED.items() if reader and reader.passes_through}
_UNREADABLE = "its bytes are not an event of its type"


class Reading(NamedTuple):
    """A stored record as this release reads it."""

    event: HistoryEvent
    """The envelope (fields 1 to 8), and the public event unless there is a fault."""

    written_version: int
    """The version of the stored event: 2 for `ordertrail.events.v2`; 0 for an event that this release cannot name."""

    fault: str
    """Why the event cannot be read: one sentence without its full stop. Empty if it can be read."""

    passes_through: bool
    """Whether the stored bytes have the public wire shape already."""

    number: int
    """The event's field number in the record, even if only a newer release knows it; 0 unless there is one event."""

    refusal: bytes | None = None
    """The serialized `ordertrail.log.v1.Refusal` of a recorded refusal, which has no event. Otherwise None."""


def read(value: bytes) -> Reading | None:
    """Read a stored record, or return None if it is not a record that names an order. Never raises, for any bytes.

    Only the envelope decides whether it is a record, so releases that know other events agree.
    """
    try:
        event = HistoryEvent.FromString(value)
    except DecodeError:
        return _read_damaged(value)
    if not event.order_id:
        return None
    if event.digest or event.written_version or event.HasField("position"):
        _clear_server_fields(event)
    reader = _PASSING.get(event.WhichOneof("event") or "")
    unknown = UnknownFieldSet(event)
    if unknown and (refusal := refusal_in(unknown)) is not None:
        return _refused(event, refusal)
    if reader is None or unknown:
        return _read_converted(event, reader, unknown)
    return _pass_through(event, reader)


def _clear_server_fields(event: HistoryEvent) -> None:
    # Position, digest and version are not part of a record. If it contains such fields, ignore them.
    event.ClearField("position")
    event.ClearField("digest")
    event.ClearField("written_version")


def _pass_through(event: HistoryEvent, reader: Reader) -> Reading:
    if reader.check is not None:
        try:
            reader.check(getattr(event, reader.public))
        except UnnamedValue as error:
            return _faulty(event, error_text(error), reader.number, reader)
    return Reading(event, reader.version, "", True, reader.number)


def _read_converted(event: HistoryEvent, passing: Reader | None, unknown: UnknownFieldSet) -> Reading:
    """Read a record whose bytes do not have the public wire shape."""
    numbers = event_numbers(unknown)
    parsed = event.WhichOneof("event")
    if passing is not None and not numbers:
        return _pass_through(event, passing)
    if len(numbers) + (parsed is not None) != 1:
        return _faulty(event, "the record holds more than one event" if numbers else "the record holds no event", 0)
    if parsed is None:
        [(number, stored)] = numbers.items()
        return _read_stored(event, READERS.get(number), number, stored)
    stored = getattr(event, parsed).SerializeToString()
    return _read_stored(event, _PARSED[parsed], HistoryEvent.DESCRIPTOR.fields_by_name[parsed].number, stored)


def _read_stored(event: HistoryEvent, reader: Reader | None, number: int, stored: Any) -> Reading:
    event.DiscardUnknownFields()
    event.ClearField("event")
    if reader is None or not isinstance(stored, bytes):
        unknown = f"the record holds an event of number {number}, which this release does not know"
        return _faulty(event, unknown, number)
    public = getattr(event, reader.public)
    public.SetInParent()
    try:
        reader.read(stored, public)
    except CannotUpcast as error:
        return _faulty(event, error_text(error), number, reader)
    except DecodeError:
        return _faulty(event, _UNREADABLE, number, reader)
    except Exception as error:  # a defect of an upcaster parks one order, and must not stop other reads
        cause = f"reading {reader.name} failed with {named_error_text(error)}"
        return _faulty(event, cause, number, reader)
    return Reading(event, reader.version, "", False, number)


def _read_damaged(value: bytes) -> Reading | None:
    """Read a record that cannot be parsed as a whole, but whose envelope may be sound."""
    bare = read_envelope(value)
    if bare is None or not bare.event.order_id:
        return None
    if bare.refusal is not None:
        return _refused(bare.event, bare.refusal)
    number = bare.numbers[0] if len(bare.numbers) == 1 else 0
    return _faulty(bare.event, _UNREADABLE, number, READERS.get(number))


def _refused(event: HistoryEvent, refusal: bytes) -> Reading:
    return _faulty(event, "", 0)._replace(refusal=refusal)


def _faulty(event: HistoryEvent, fault: str, number: int, reader: Reader | None = None) -> Reading:
    event.DiscardUnknownFields()
    event.ClearField("event")
    return Reading(event, reader.version if reader else 0, fault, False, number)
