"""Gaps between `Record` and the public events, apart from those of the hops."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, get_args

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail_server.orders.decide import Event
from ordertrail_server.schema.cases import cases, message_of, public_events, version_of
from ordertrail_server.schema.lock.wire_shape import field_gaps
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.record_fields import ENVELOPE, ENVELOPES, REFUSAL

_EVENTS: Final = "ordertrail.events."
_FROZEN: Final = (_EVENTS, "google.protobuf")
_OF_EVENTS: Final = "give it one that was never used, of 20 to 99 or from 200 on"
_OF_THE_ENVELOPE: Final = "give it one that was never used, of 100 to 199"


def envelope_gaps(record: Descriptor, history_event: Descriptor) -> list[str]:
    """Return each difference of the two envelopes, because a stored record is read as a public event."""
    gaps = []
    numbers = {*ENVELOPE, *(field.number for field in _envelope(record))} & ENVELOPES
    for number in sorted(numbers - {REFUSAL}):  # a refusal is not read as a public event
        record_field, public_field = record.fields_by_number.get(number), history_event.fields_by_number.get(number)
        if record_field is None or public_field is None:
            subject = f"{record.full_name} and {history_event.full_name} do not both have a field {number}"
            gaps.append(f"{subject}: add it where it is missing")
        else:
            gaps += [f"{gap}: make them alike" for gap in field_gaps(record_field, public_field)]
    return gaps


def number_gaps(record: Descriptor, history_event: Descriptor) -> list[str]:
    """Return the fields of a record whose numbers mean something else in the public event or the envelope."""
    gaps = []
    public = {field.number: message_of(field).name for field in public_events(history_event).values()}
    used_numbers = {*ENVELOPES, *history_event.fields_by_number}
    for case in cases(record):
        if case.number in used_numbers and message_of(case).name != public.get(case.number):
            owner = "the envelope's" if case.number in ENVELOPES else f"another thing in {history_event.full_name}"
            gaps.append(f"{case.full_name} has the number {case.number}, which is {owner}: {_OF_EVENTS}")
    return gaps + [
        f"{field.full_name} has the number {field.number}, which is an event's: {_OF_THE_ENVELOPE}"
        for field in _envelope(record)
        if field.number not in ENVELOPES
    ]


def decision_gaps(public: PublicHops) -> list[str]:
    """Return the events that commands lead to but that are `retired`, so no longer written."""
    decided = {kind.DESCRIPTOR.full_name for kind in get_args(Event)}
    return [
        f"{newest} is `retired`, but commands lead to {message_of(hop.public).full_name}: "
        "remove `retired`, or first remove the event from orders/decide.py"
        for newest, hop in public.hops.items()
        if hop.writes is None and message_of(hop.public).full_name in decided
    ]


def message_gaps(record: Descriptor) -> list[str]:
    """Return the gaps of unversioned events, and of fields that cannot distinguish absent from zero."""
    stored = [message_of(case) for case in cases(record)]
    fields = {field.full_name: field for message in stored for field in _fields(message, set())}
    return [*_event_gaps(record, stored), *(gap for _, field in sorted(fields.items()) for gap in _field_gaps(field))]


def _event_gaps(record: Descriptor, stored: list[Descriptor]) -> Iterator[str]:
    for field in record.oneofs_by_name["event"].fields:
        if field.message_type is None:
            yield f"{field.full_name} holds no message: name that of an event"
    for name, count in Counter(message.full_name for message in stored).items():
        if count > 1:
            yield f"{record.full_name} can hold {name} under {count} numbers: keep the number that it had first"
    for message in stored:
        if not version_of(message):
            yield f"{message.full_name} is in no package of a version: move it to one, such as {_EVENTS}v2"


def _field_gaps(field: FieldDescriptor) -> Iterator[str]:
    inner_type = field.message_type or field.enum_type
    if inner_type is not None and not inner_type.file.package.startswith(_FROZEN):
        yield f"{field.full_name} holds {inner_type.full_name}, which may change: copy it into the package of the event"
    is_entry = field.containing_type is not None and field.containing_type.GetOptions().map_entry
    if not field.is_repeated and not field.has_presence and not is_entry:
        yield f"{field.full_name} must be optional, so that a fact distinguishes absent from zero"


def _fields(message: Descriptor, visited: set[str]) -> Iterator[FieldDescriptor]:
    if message.full_name not in visited and message.file.package.startswith(_EVENTS):
        visited.add(message.full_name)
        for field in message.fields:
            yield field
            if field.message_type is not None:
                yield from _fields(field.message_type, visited)


def _envelope(record: Descriptor) -> list[FieldDescriptor]:
    """Return all fields of a record outside of its `event` oneof."""
    return [field for field in record.fields if field.containing_oneof is not record.oneofs_by_name["event"]]
