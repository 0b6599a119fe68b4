"""Messages built from their descriptors: one that fills every field, and some that differ in a single field.

The values pass the rules of an order as far as those look at one field: each text is an id and a currency code, each
date is a real day. So a new verb, event or field is tested without a change here.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

Path = tuple[FieldDescriptor, ...]
"""A field within messages, outermost first; of a list it means the first element, of a map the value of a key."""

TEXTS: Final = ("AAA", "AAB")
_NUMBERS: Final = (10, 11)
_VALUES: Final[dict[int, Sequence[Any]]] = {
    FieldDescriptor.CPPTYPE_BOOL: (False, True),
    FieldDescriptor.CPPTYPE_STRING: TEXTS,
}


def list_messages(oneof: OneofDescriptor) -> list[Descriptor]:
    """Return the messages that a oneof can hold."""
    return [field.message_type for field in oneof.fields if field.message_type is not None]


def leaves(message: Descriptor, around: Path = ()) -> Iterator[Path]:
    """Yield the path of every field that holds no message, or one without fields of its own."""
    within = {field.containing_type for field in around} | {message}
    for field in message.fields:
        inner = get_message_type(field)
        if inner is None or inner in within or not inner.fields:
            yield (*around, field)
        else:
            yield from leaves(inner, (*around, field))


def variants(message: Descriptor, path: Path) -> list[Any]:
    """Return messages that fill every field, and differ in the field at a path alone."""
    return [_with_value(fill_message(message), path, value) for value in _values(path[-1])]


def fill_message(descriptor: Descriptor) -> Any:
    """Return a message with a value in every field, and the last member of each oneof."""
    message = GetMessageClass(descriptor)()
    for path in leaves(descriptor):
        _with_value(message, path, _values(path[-1])[0])
    return message


def format_path(path: Path) -> str:
    """Return a path as `PlaceOrderRequest.lines.product_id`."""
    assert path[0].containing_type is not None
    return ".".join([path[0].containing_type.name, *(field.name for field in path)])


def get_message_type(field: FieldDescriptor) -> Descriptor | None:
    """Return the message that a field holds, or that is the value of a map; None for scalars."""
    return _value_field(field).message_type


def _values(field: FieldDescriptor) -> Sequence[Any]:
    field = _value_field(field)
    if field.enum_type is not None:
        numbers = [value.number for value in field.enum_type.values]
        return [*numbers[1:], numbers[0]]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return [text.encode() for text in TEXTS]
    # The presence of a message without fields is its only information.
    return (True, False) if field.message_type is not None else _VALUES.get(field.cpp_type, _NUMBERS)


def _with_value(message: Message, path: Path, value: Any) -> Message:
    holder: Any = message
    for field in path[:-1]:
        holder = _value_in(holder, field)
    if get_message_type(path[-1]) is None:
        _set(holder, path[-1], value)
    elif value:
        _value_in(holder, path[-1]).SetInParent()
    else:
        holder.ClearField(path[-1].name)
    return message


def _set(holder: Any, field: FieldDescriptor, value: Any) -> None:
    if _is_map(field):
        getattr(holder, field.name)[_key(field)] = value
    elif field.is_repeated:
        getattr(holder, field.name)[:] = [value]
    else:
        setattr(holder, field.name, value)


def _value_in(holder: Any, field: FieldDescriptor) -> Any:
    value = getattr(holder, field.name)
    if _is_map(field):
        return value[_key(field)]
    return value if not field.is_repeated else value[0] if value else value.add()


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _key(field: FieldDescriptor) -> Any:
    assert field.message_type is not None
    return _values(field.message_type.fields_by_name["key"])[0]


def _value_field(field: FieldDescriptor) -> FieldDescriptor:
    return field.message_type.fields_by_name["value"] if _is_map(field) and field.message_type else field
