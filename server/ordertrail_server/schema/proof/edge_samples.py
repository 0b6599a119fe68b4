"""Boundary samples of an event, the extremes that the contract allows, to find functions that handle only full samples.

A sample omits a field only if it is `optional`, uses each value of an enum, and takes numbers to the bounds of their
public fields. All numbers go to their bounds at once, because not every month has a day 31. Functions need not handle
other events.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from google.protobuf.descriptor import EnumDescriptor, EnumValueDescriptor, FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from ordertrail_server.schema.hops.plan import oneof_of
from ordertrail_server.schema.hops.values import is_map, value_field

_Edge: TypeAlias = Callable[[FieldDescriptor], object]
"""Returns the boundary value of a field, or None to leave it unchanged."""

_INTEGERS = (
    *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64),
    *(FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64),
)


class Sample(NamedTuple):
    """A message to try, and its difference from a full one, such as "without quantity"; empty if it is full."""

    message: Message
    difference: str = ""


def edge_samples(full: Message) -> Iterator[Sample]:
    """Yield variants of a full message: each enum value, without one or all optional fields, numbers at their bounds.

    A field of a nested message is omitted in every place of that message, so there is one sample per field.
    """
    enums = {enum.full_name: enum for inner in _messages(full) for _, enum in _enum_fields(inner)}.values()
    for place in range(max((len(enum.values) for enum in enums), default=0)):
        values = [_value_at(enum, place) for enum in enums]
        yield Sample(_with_values(full, place), f"with {' and '.join(value.name for value in values)}")
    optional = {field.full_name for inner in _messages(full) for field, _ in inner.ListFields() if _is_optional(field)}
    for name in sorted(optional):
        yield Sample(_without(full, {name}), f"without {name}")
    yield Sample(_without(full, optional), "without any optional field")
    yield Sample(_with_edge_numbers(full, _lower_bound), "with its least numbers")
    yield Sample(_with_edge_numbers(full, _upper_bound), "with its largest numbers")


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message and all messages in it, outermost first."""
    yield message
    for field, value in message.ListFields():
        values = value.values() if is_map(field) else value if field.is_repeated else (value,)
        for value in values:
            if isinstance(value, Message):
                yield from _messages(value)


def _is_optional(field: FieldDescriptor) -> bool:
    return field.containing_oneof is not None and not oneof_of(field)


def _without(full: Message, names: set[str]) -> Message:
    bare = _copy(full)
    for message in list(_messages(bare)):
        for field, _ in message.ListFields():
            if field.full_name in names:
                message.ClearField(field.name)
    return bare


def _enum_fields(message: Message) -> list[tuple[FieldDescriptor, EnumDescriptor]]:
    """Return the set enum fields of a message, each with its enum."""
    fields = [(field, value_field(field).enum_type) for field, _ in message.ListFields()]
    return [(field, enum) for field, enum in fields if enum is not None]


def _value_at(enum: EnumDescriptor, place: int) -> EnumValueDescriptor:
    return enum.values[place % len(enum.values)]


def _with_values(full: Message, place: int) -> Message:
    changed = _copy(full)
    for message in list(_messages(changed)):
        for field, enum in _enum_fields(message):
            number, values = _value_at(enum, place).number, getattr(message, field.name)
            if is_map(field):
                values.update(dict.fromkeys(values, number))
            elif field.is_repeated:
                values[:] = [number]
            elif number:
                setattr(message, field.name, number)
            else:
                # For enums, zero and absent mean the same.
                message.ClearField(field.name)
    return changed


def _with_edge_numbers(full: Message, edge: _Edge) -> Message:
    changed = _copy(full)
    for message in list(_messages(changed)):
        for field, _ in message.ListFields():
            value = None if field.is_repeated else edge(field)
            if value is not None:
                setattr(message, field.name, value)
    return changed


def _copy(message: Message) -> Message:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _lower_bound(field: FieldDescriptor) -> object:
    """Return the lower bound of a number, or the empty (not absent) value of an optional scalar without bounds."""
    rules = _bounds(field)
    if field.cpp_type in _INTEGERS and rules is not None:
        return _bound(rules, gte=0, gt=1)
    scalar = field.message_type is None and field.enum_type is None
    return type(field.default_value)() if rules is None and scalar and _is_optional(field) else None


def _upper_bound(field: FieldDescriptor) -> object:
    rules = _bounds(field)
    return _bound(rules, lte=0, lt=-1) if field.cpp_type in _INTEGERS and rules is not None else None


def _bounds(field: FieldDescriptor) -> Any:
    """Return the contract's validation rules for a field, or None."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    kind = rules.WhichOneof("type")
    return getattr(rules, kind) if kind else None


def _bound(rules: Any, **steps: int) -> int | None:
    return next((getattr(rules, name) + step for name, step in steps.items() if rules.HasField(name)), None)
