"""Access to the fields of a record that is damaged or must be explained."""

from typing import Any, Final, NamedTuple

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.wire import bytes_tag, chunk, varint, varint_tag

ENVELOPE: Final = (*range(1, 9), 100)
"""The field numbers that a record and its public event have in common."""

REFUSAL: Final = Record.DESCRIPTOR.fields_by_name["refusal"].number
"""The field number of a recorded refusal, which no public event has."""

ENVELOPES: Final = frozenset({*range(1, 10), *range(100, 200)})
"""The field numbers that the envelope of a later release may have, too."""

# The field numbers of a record that never hold an event: the envelope, and what HistoryEvent adds.
NO_EVENTS: Final = ENVELOPES | {*range(16, 20)}
_VARINT, _LENGTH_DELIMITED = 0, 2


class BareRecord(NamedTuple):
    """The envelope of a record, the numbers of the events that it holds, and its refusal, if it is one."""

    event: HistoryEvent
    numbers: list[int]
    refusal: bytes | None


def event_numbers(unknown: UnknownFieldSet) -> dict[int, Any]:
    """Return {number of an event: its bytes} from the fields that `HistoryEvent` does not know.

    A value under an event's number that is not bytes is not an event of this release; it is returned unchanged.
    """
    events: dict[int, Any] = {}
    for number, _, data in _field_list(unknown):
        if number not in NO_EVENTS:
            before = events.get(number, b"")
            # A message may come in several parts. Joining their bytes merges them.
            events[number] = before + data if isinstance(before, bytes) and isinstance(data, bytes) else data
    return events


def _field_list(unknown: UnknownFieldSet) -> list[tuple[int, int, Any]]:
    """Return number, wire type and data of every field. A set itself supports only length and index."""
    fields = (unknown[place] for place in range(len(unknown)))
    return [(field.field_number, field.wire_type, field.data) for field in fields]


def refusal_in(unknown: UnknownFieldSet) -> bytes | None:
    """Return the serialized refusal of a record, from the fields that `HistoryEvent` does not know; None without one.

    Its content is not checked, so that all releases agree which records are refusals.
    """
    return _refusal(_field_list(unknown))


def _refusal(fields: list[tuple[int, int, Any]]) -> bytes | None:
    parts = [data for number, wire_type, data in fields if number == REFUSAL and wire_type == _LENGTH_DELIMITED]
    return b"".join(parts) if parts else None


def single_event(value: bytes) -> tuple[int, bytes] | None:
    """Return number and bytes of a record's event, or None unless it holds exactly one."""
    try:
        data_by_number = event_numbers(UnknownFieldSet(Empty.FromString(value)))
    except DecodeError:
        return None
    events = [(number, stored) for number, stored in data_by_number.items() if isinstance(stored, bytes)]
    return events[0] if len(events) == len(data_by_number) == 1 else None


def read_envelope(value: bytes) -> BareRecord | None:
    """Return the envelope of a record, whatever its event is, or None if the envelope is damaged, too."""
    try:
        # Any well-formed bytes are an Empty with unknown fields.
        whole = Empty.FromString(value)
        fields = _field_list(UnknownFieldSet(whole))
        if any(number == 0 for number, _, _ in fields):  # only an Empty accepts that
            return None
        envelope = b"".join(_reencode(*field) for field in fields if field[0] in ENVELOPE)
        numbers = sorted({field[0] for field in fields} - NO_EVENTS)
        return BareRecord(HistoryEvent.FromString(envelope), numbers, _refusal(fields))
    except DecodeError:
        return None


def _reencode(number: int, wire_type: int, data: Any) -> bytes:
    if wire_type == _LENGTH_DELIMITED:
        return chunk(bytes_tag(number), data)
    return varint_tag(number) + varint(data) if wire_type == _VARINT else b""
