"""What may be missing between a record and the public events beside the hops, each found and said in plain words."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail_server.schema.cases import cases, message_of, public_events, version_of
from ordertrail_server.schema.record_fields import ENVELOPE
from ordertrail_server.schema.wire_shape import field_gaps


def envelope_gaps(record: Descriptor, history_event: Descriptor) -> list[str]:
    """Return where the envelopes differ: a stored record would not pass as a public event."""
    gaps = []
    for number in ENVELOPE:
        one, other = record.fields_by_number.get(number), history_event.fields_by_number.get(number)
        if one is None or other is None:
            gaps.append(f"{record.full_name} and {history_event.full_name} do not both have a field {number}")
        else:
            gaps += field_gaps(one, other)
    return gaps


def number_gaps(record: Descriptor, history_event: Descriptor) -> list[str]:
    """Return the numbers that mean one thing in a record and another in a public event."""
    public = {field.number: message_of(field).name for field in public_events(history_event).values()}
    shared = set(record.fields_by_number) & set(history_event.fields_by_number) - set(ENVELOPE)
    stored = {number: record.fields_by_number[number] for number in sorted(shared)}
    return [
        f"{field.full_name} has the number {number}, which is another thing in {history_event.full_name}"
        for number, field in stored.items()
        if number not in public or message_of(field).name != public[number]
    ]


def message_gaps(record: Descriptor) -> list[str]:
    """Return the stored messages without a version, and their fields that cannot tell absent from zero."""
    stored = [message_of(case) for case in cases(record)]
    gaps = [f"{message.full_name} is in no package of a version" for message in stored if not version_of(message)]
    bare = {field.full_name for message in stored for field in _fields(message, set()) if _hides_absence(field)}
    return gaps + [f"{name} must be optional: a fact tells absent from zero" for name in sorted(bare)]


def _fields(message: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    if message.full_name not in seen and message.file.package.startswith("ordertrail.events."):
        seen.add(message.full_name)
        for field in message.fields:
            yield field
            if field.message_type is not None:
                yield from _fields(field.message_type, seen)


def _hides_absence(field: FieldDescriptor) -> bool:
    is_entry = field.containing_type is not None and field.containing_type.GetOptions().map_entry
    return not field.is_repeated and not field.has_presence and not is_entry
