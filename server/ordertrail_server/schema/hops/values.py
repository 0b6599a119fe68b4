"""Match the values of two fields: how the value of one becomes the value of the other."""

from collections.abc import Callable, Mapping

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from ordertrail_server.schema.hops.plan import Plan, Value
from ordertrail_server.schema.hops.scalar_widening import loses_nothing, same_bytes

Nested = Callable[[Descriptor, Descriptor], Plan]
"""Matches two different message types."""

PYTHON = "name a Python function with the option `python`"
BOTH_WAYS = "name Python functions for both directions with the option `python`"


class Mismatch(Exception):
    """A value of the old field cannot become one of the new field. The text names the cause and the remedy."""


def match_values(old: FieldDescriptor, new: FieldDescriptor, enum_map: Mapping[str, str], nested: Nested) -> Value:
    """Return how a value of `old` becomes one of `new`. Raises Mismatch."""
    subject = f"{old.full_name} is read as {new.full_name}"
    if is_map(old) or is_map(new):
        return _map_value(old, new, enum_map, nested, subject)
    if old.is_repeated and not new.is_repeated:
        raise Mismatch(f"{subject}, but may hold several values: keep it repeated, or {PYTHON}")
    return _single_value(old, new, enum_map, nested, subject, to_list=new.is_repeated and not old.is_repeated)


def is_map(field: FieldDescriptor) -> bool:
    """Return whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def value_message(field: FieldDescriptor) -> Descriptor | None:
    """Return the message type of a field, or of a map's values; None for scalars."""
    return value_field(field).message_type


def value_field(field: FieldDescriptor) -> FieldDescriptor:
    """Return the field that declares the value type: the field itself, or the value field of a map."""
    return entry_of(field)[1] if is_map(field) else field


def entry_of(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """Return the key field and the value field of a map."""
    entry = field.message_type
    assert entry is not None
    return entry.fields_by_name["key"], entry.fields_by_name["value"]


def _map_value(
    old: FieldDescriptor, new: FieldDescriptor, enum_map: Mapping[str, str], nested: Nested, subject: str
) -> Value:
    if not (is_map(old) and is_map(new)):
        raise Mismatch(f"{subject}, but only one of them is a map: {PYTHON}")
    (old_key, old_value), (new_key, new_value) = entry_of(old), entry_of(new)
    if old_key.type != new_key.type:
        raise Mismatch(f"{subject}, but their keys have different types: {PYTHON}")
    return _single_value(old_value, new_value, enum_map, nested, subject, to_list=False)


def _single_value(
    old: FieldDescriptor,
    new: FieldDescriptor,
    enum_map: Mapping[str, str],
    nested: Nested,
    subject: str,
    *,
    to_list: bool,
) -> Value:
    if old.message_type is not None and new.message_type is not None:
        alike = old.message_type.full_name == new.message_type.full_name
        return Value(message=None if alike else nested(old.message_type, new.message_type), to_list=to_list)
    if old.enum_type is not None and new.enum_type is not None:
        numbers = _numbers(old.enum_type, new.enum_type, enum_map, subject)
        changes = any(number != new_number for number, new_number in numbers.items())
        return Value(not changes, enum=numbers if changes else None, to_list=to_list)
    if not loses_nothing(old.type, new.type) or (old.enum_type or old.message_type):
        raise Mismatch(f"{subject}, but its type cannot represent every value: {PYTHON}")
    return Value(same_bytes(old.type, new.type), to_list=to_list, widened=old.type != new.type)


def _numbers(old: EnumDescriptor, new: EnumDescriptor, enum_map: Mapping[str, str], subject: str) -> dict[int, int]:
    unknown = sorted({*enum_map} - {*old.values_by_name} | {*enum_map.values()} - {*new.values_by_name})
    if unknown:
        raise Mismatch(f"{subject}, but its enum_map names {unknown[0]}, which is not a value of the enum: correct it")
    new_names = {value.number: enum_map.get(value.name, value.name) for value in old.values}
    if missing := sorted(set(new_names.values()) - set(new.values_by_name)):
        raise Mismatch(f"{subject}, but {new.full_name} has no value {missing[0]}: add it, or map it with `enum_map`")
    return {number: new.values_by_name[name].number for number, name in new_names.items()}
