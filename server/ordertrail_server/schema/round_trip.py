"""Whether what is written reads back as itself, tried on messages that say all that they can say."""

from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class, message_of
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import PUBLIC, Event
from ordertrail_server.schema.writing import encode, seal

_DEEPEST = 8
_SCALARS: dict[int, object] = {FieldDescriptor.CPPTYPE_BOOL: True, FieldDescriptor.CPPTYPE_DOUBLE: 0.5}


def round_trip_gaps() -> list[str]:
    """Return the public events that are not themselves after they were written and read."""
    gaps = []
    for case, public, _, writes in PUBLIC.hops.values():
        if writes is None:
            continue
        event = cast(Event, filled(message_of(public)))
        reading = read(_sealed(event))
        if reading is None or reading.fault or getattr(reading.event, public.name) != event:
            written = f"{message_of(public).full_name}, written as {case.full_name}, does not read back as itself"
            gaps.append(f"{written}: let what writes it be the inverse of what reads it")
    return gaps


def filled(message: Descriptor) -> Message:
    """Return a message of this type with something in every field, in nested messages too (maps are not known)."""
    return message_class(message)(**_values(message, 0))


def _values(message: Descriptor, depth: int) -> dict[str, object]:
    if depth > _DEEPEST:
        return {}
    return {
        field.name: [_value(field, depth), _value(field, depth)] if field.is_repeated else _value(field, depth)
        for field in message.fields
    }


def _value(field: FieldDescriptor, depth: int) -> object:
    if field.message_type is not None:
        return _values(field.message_type, depth + 1)
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return field.name.encode() if field.type == FieldDescriptor.TYPE_BYTES else field.name
    return _SCALARS.get(field.cpp_type, field.number)


def _sealed(event: Event) -> bytes:
    return seal(
        event_id="event",
        order_id="order",
        order_version=1,
        previous=b"",
        record_time_ns=0,
        request_id="request",
        command_digest=b"digest",
        origin="",
        actor="",
        traceparent="",
        chunk=encode(event),
    )
