"""Sample messages of a type, built from its descriptor. Together they fill every field and every oneof member."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.hops.values import entry_of, is_map, value_message

_DEEPEST = 6
_SCALARS: dict[int, object] = {
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_DOUBLE: 0.5,
    FieldDescriptor.CPPTYPE_FLOAT: 0.5,
}


def samples(message: Descriptor) -> Iterator[Message]:
    """Yield messages of this type with every field filled, nested messages included.

    Each member of each oneof is set in one of them. Recursive and very deep messages stay empty.
    """
    for choice in range(_choices(message, frozenset())):
        yield _filled_message(message, choice, frozenset())


def _choices(message: Descriptor | None, within: frozenset[str]) -> int:
    """Return how many messages it takes to set each member of each oneof once."""
    if message is None or _is_left_empty(message, within):
        return 1
    return max((len(ways) for ways in _ways(message, within)), default=1)


def _ways(message: Descriptor, within: frozenset[str]) -> list[list[tuple[FieldDescriptor, int]]]:
    """Return for each field, or for those of a oneof together, every (field to fill, choice within it)."""
    inside = within | {message.full_name}
    single_fields = [[field] for field in message.fields if field.containing_oneof is None]
    groups = single_fields + [list(oneof.fields) for oneof in message.oneofs]
    return [
        [(field, choice) for field in group for choice in range(_choices(value_message(field), inside))]
        for group in groups
    ]


def _filled_message(message: Descriptor, choice: int, within: frozenset[str]) -> Message:
    sample = message_class(message)()
    if not _is_left_empty(message, within):
        for ways in _ways(message, within):
            field, inner = ways[choice % len(ways)]
            sample.MergeFrom(type(sample)(**{field.name: _sample_value(field, inner, within | {message.full_name})}))
    return sample


def _is_left_empty(message: Descriptor, within: frozenset[str]) -> bool:
    return message.full_name in within or len(within) >= _DEEPEST


def _sample_value(field: FieldDescriptor, choice: int, within: frozenset[str]) -> Any:
    if is_map(field):
        key, value = entry_of(field)
        return {_single_value(key, choice, within): _single_value(value, choice, within)}
    value = _single_value(field, choice, within)
    return [value, value] if field.is_repeated else value


def _single_value(field: FieldDescriptor, choice: int, within: frozenset[str]) -> Any:
    if field.message_type is not None:
        return _filled_message(field.message_type, choice, within)
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return field.name.encode() if field.type == FieldDescriptor.TYPE_BYTES else field.name
    return _SCALARS.get(field.cpp_type, field.number)
