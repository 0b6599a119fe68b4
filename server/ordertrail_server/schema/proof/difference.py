"""The first difference of two messages of one type, described for people."""

import json
from typing import Any, NamedTuple

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.hops.json_text import to_json_value
from ordertrail_server.schema.hops.values import is_map, value_field


class Difference(NamedTuple):
    """The path of a field, such as `lines[1].quantity`, and its values in the first and the second message."""

    path: str
    first: str
    second: str


def first_difference(first: Any, second: Any, prefix: str = "") -> Difference | None:
    """Return the first innermost field in which two messages differ, in the order of numbers, or None."""
    for field in sorted(first.DESCRIPTOR.fields, key=lambda field: field.number):
        if difference := _difference_in_field(field, first, second, f"{prefix}{field.name}"):
            return difference
    return None


def _difference_in_field(field: FieldDescriptor, first: Any, second: Any, path: str) -> Difference | None:
    first_value, second_value = (getattr(message, field.name) for message in (first, second))
    if is_map(field):
        pairs = [
            (f"{path}[{json.dumps(key)}]", first_value.get(key), second_value.get(key))
            for key in sorted({*first_value, *second_value})
        ]
    elif field.is_repeated:
        if len(first_value) != len(second_value):
            return Difference(path, f"{len(first_value)} elements", f"{len(second_value)} elements")
        pairs = [
            (f"{path}[{place}]", first_item, second_item)
            for place, (first_item, second_item) in enumerate(zip(first_value, second_value, strict=True))
        ]
    else:
        pairs = [(path, _field_value(field, first), _field_value(field, second))]
    enum = value_field(field).enum_type
    return next(
        (
            difference
            for item_path, first_item, second_item in pairs
            if (difference := _difference_in_values(item_path, first_item, second_item, enum))
        ),
        None,
    )


def _field_value(field: FieldDescriptor, message: Any) -> Any:
    return None if field.has_presence and not message.HasField(field.name) else getattr(message, field.name)


def _difference_in_values(path: str, first: Any, second: Any, enum: EnumDescriptor | None) -> Difference | None:
    if isinstance(first, Message) and isinstance(second, Message):
        return first_difference(first, second, f"{path}.")
    return None if first == second else Difference(path, _text(first, enum), _text(second, enum))


def _text(value: Any, enum: EnumDescriptor | None) -> str:
    if value is None:
        return "absent"
    if enum is not None and value in enum.values_by_number:
        return enum.values_by_number[value].name
    return json.dumps(to_json_value(value) if isinstance(value, Message) else value, ensure_ascii=False, default=str)
