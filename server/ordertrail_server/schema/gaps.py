"""What may be missing between a record and the public events, each found from descriptors and said in plain words."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.registry import cases, message_of, public_events, version_of
from ordertrail_server.schema.upcasting import Hop
from ordertrail_server.schema.wire_shape import field_gaps, shape_gaps

ENVELOPE: Final = range(1, 9)
"""The field numbers that a record and its public event have in common."""


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


def hop_gaps(record: Descriptor, hops: Mapping[type[Message], Hop]) -> list[str]:
    """Return the stored messages without a version, and the hops that lead nowhere or back."""
    stored = {message_of(case).full_name: message_of(case) for case in cases(record)}
    gaps = [f"{name} is in no package of a version" for name, message in stored.items() if not version_of(message)]
    for said, hop in hops.items():
        one, other = said.DESCRIPTOR.full_name, hop.to.DESCRIPTOR.full_name
        both = f"{one} reads as {other}"
        if one not in stored or other not in stored:
            gaps.append(f"{both}, but a record cannot hold both")
        elif version_of(stored[one]) >= version_of(stored[other]):
            gaps.append(f"{both}, which is no later version")
    return gaps


def newest_gaps(record: Descriptor, history_event: Descriptor, hops: Mapping[type[Message], Hop]) -> list[str]:
    """Return the newest messages and the public events that do not stand for one another."""
    public = public_events(history_event)
    has_hop = {said.DESCRIPTOR.full_name for said in hops}
    newest = [case for case in cases(record) if message_of(case).full_name not in has_hop]
    gaps = _pair_gaps(newest, public)
    for case in newest:
        stored = message_of(case)
        if stored.name in public:
            gaps += shape_gaps(stored, message_of(public[stored.name]))
        else:
            gaps.append(f"{stored.full_name} reads neither as another version nor as a public event")
    return gaps


def _pair_gaps(newest: list[FieldDescriptor], public: dict[str, FieldDescriptor]) -> list[str]:
    names = [message_of(case).name for case in newest]
    return [
        f"{message_of(field).full_name} must have one newest stored version, and has {names.count(name)}"
        for name, field in public.items()
        if names.count(name) != 1
    ]
