"""Where two messages of one type differ first, for people who must mend what made them differ."""

import json
from typing import Any, NamedTuple

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.hops.shown import shown
from ordertrail_server.schema.hops.values import held_in, is_map


class Difference(NamedTuple):
    """The path of a field, such as `lines[1].quantity`, and what it says in the one and the other message."""

    path: str
    one: str
    other: str


def first_difference(one: Any, other: Any, around: str = "") -> Difference | None:
    """Return the innermost field in which two messages differ first, in the order of numbers; None if in none."""
    for field in sorted(one.DESCRIPTOR.fields, key=lambda field: field.number):
        if found := _in_field(field, one, other, f"{around}{field.name}"):
            return found
    return None


def _in_field(field: FieldDescriptor, one: Any, other: Any, path: str) -> Difference | None:
    held, now = (getattr(message, field.name) for message in (one, other))
    if is_map(field):
        pairs = [(f"{path}[{json.dumps(key)}]", held.get(key), now.get(key)) for key in sorted({*held, *now})]
    elif field.is_repeated:
        if len(held) != len(now):
            return Difference(path, f"{len(held)} elements", f"{len(now)} elements")
        pairs = [(f"{path}[{place}]", was, is_) for place, (was, is_) in enumerate(zip(held, now, strict=True))]
    else:
        pairs = [(path, _said(field, one), _said(field, other))]
    enum = held_in(field).enum_type
    return next((found for where, was, is_ in pairs if (found := _in_values(where, was, is_, enum))), None)


def _said(field: FieldDescriptor, message: Any) -> Any:
    return None if field.has_presence and not message.HasField(field.name) else getattr(message, field.name)


def _in_values(path: str, one: Any, other: Any, enum: EnumDescriptor | None) -> Difference | None:
    if isinstance(one, Message) and isinstance(other, Message):
        return first_difference(one, other, f"{path}.")
    return None if one == other else Difference(path, _text(one, enum), _text(other, enum))


def _text(value: Any, enum: EnumDescriptor | None) -> str:
    if value is None:
        return "absent"
    if enum is not None and value in enum.values_by_number:
        return enum.values_by_number[value].name
    return json.dumps(shown(value) if isinstance(value, Message) else value, ensure_ascii=False, default=str)
