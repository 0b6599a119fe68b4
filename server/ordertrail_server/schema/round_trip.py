"""Whether what is written reads back as itself, tried on messages that say all that they can say.

Rules are proven by their plans; of what functions do nothing is known, so they are tried at the edges as well.
"""

from collections.abc import Iterator
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.orders.error_text import named_error_text
from ordertrail_server.schema.cases import message_class, message_of
from ordertrail_server.schema.edge_samples import edge_samples
from ordertrail_server.schema.hops.values import entry_of, is_map, message_in
from ordertrail_server.schema.public_hops import PublicHop
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import PUBLIC, Event
from ordertrail_server.schema.writing import encode, seal

_DEEPEST = 6
_SCALARS: dict[int, object] = {
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_DOUBLE: 0.5,
    FieldDescriptor.CPPTYPE_FLOAT: 0.5,
}


def round_trip_gaps() -> list[str]:
    """Return the public events that are not themselves after they were written and read, each with what mends it."""
    return [gap for hop in PUBLIC.hops.values() if hop.writes is not None and (gap := _gap(hop))]


def _gap(hop: PublicHop) -> str:
    written = f"{message_of(hop.public).full_name}, written as {hop.case.full_name},"
    for event in _tried(hop):
        try:
            reading = read(_sealed(cast(Event, event)))
        except Exception as error:  # whatever a function does that writes it
            return f"{written} cannot be written: {named_error_text(error)}; correct what writes it"
        if reading is None or reading.fault:
            fault = reading.fault if reading else "it is no record"
            return f"{written} cannot be read back: {fault}; correct what reads or writes it"
        if getattr(reading.event, hop.public.name) != event:
            return f"{written} does not read back as itself: let what writes it be the inverse of what reads it"
    return ""


def _tried(hop: PublicHop) -> Iterator[Message]:
    for full in samples(message_of(hop.public)):
        yield full
        if hop.writes is not None and hop.writes.function is not None:
            yield from edge_samples(full)


def samples(message: Descriptor) -> Iterator[Message]:
    """Yield messages of this type with something in every field, in nested messages too.

    Each member of each oneof is in one of them. A message within itself, and one that lies very deep, is left empty.
    """
    for choice in range(_choices(message, frozenset())):
        yield _filled(message, choice, frozenset())


def _choices(message: Descriptor | None, within: frozenset[str]) -> int:
    """Return how many messages it takes until each member of each oneof was in one."""
    if message is None or _is_left_empty(message, within):
        return 1
    return max((len(ways) for ways in _ways(message, within)), default=1)


def _ways(message: Descriptor, within: frozenset[str]) -> list[list[tuple[FieldDescriptor, int]]]:
    """Return for each field, or for those of a oneof together, every (field to fill, choice within it)."""
    inside = within | {message.full_name}
    alone = [[field] for field in message.fields if field.containing_oneof is None]
    groups = alone + [list(oneof.fields) for oneof in message.oneofs]
    return [
        [(field, choice) for field in group for choice in range(_choices(message_in(field), inside))]
        for group in groups
    ]


def _filled(message: Descriptor, choice: int, within: frozenset[str]) -> Message:
    made = message_class(message)()
    if not _is_left_empty(message, within):
        for ways in _ways(message, within):
            field, inner = ways[choice % len(ways)]
            made.MergeFrom(type(made)(**{field.name: _held(field, inner, within | {message.full_name})}))
    return made


def _is_left_empty(message: Descriptor, within: frozenset[str]) -> bool:
    return message.full_name in within or len(within) >= _DEEPEST


def _held(field: FieldDescriptor, choice: int, within: frozenset[str]) -> Any:
    if is_map(field):
        key, value = entry_of(field)
        return {_one(key, choice, within): _one(value, choice, within)}
    one = _one(field, choice, within)
    return [one, one] if field.is_repeated else one


def _one(field: FieldDescriptor, choice: int, within: frozenset[str]) -> Any:
    if field.message_type is not None:
        return _filled(field.message_type, choice, within)
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
