"""Options as text: each set value as `name = value`."""

from collections.abc import Iterator
from io import StringIO
from typing import Any, NamedTuple

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


class Setting(NamedTuple):
    """One value: the number of the option that it belongs to, and its text."""

    number: int
    text: str


def settings(options: Message) -> list[Setting]:
    """Return what an options message sets, in the order of numbers."""
    return [Setting(field.number, text) for field, value in options.ListFields() for text in _texts("", field, value)]


def _texts(prefix: str, field: FieldDescriptor, value: Any) -> Iterator[str]:
    name = f"{prefix}({field.full_name})" if field.is_extension else f"{prefix}{field.name}"
    if _has_parts(field, value):
        for part, inner in value.ListFields():
            yield from _texts(f"{name}.", part, inner)
    else:
        for element in value if field.is_repeated else [value]:
            yield f"{name} = {_value(field, element)}"


def _has_parts(field: FieldDescriptor, value: Any) -> bool:
    if field.is_repeated or field.message_type is None:
        return False
    parts = [part for part, _ in value.ListFields()]
    return bool(parts) and not any(map(_is_map, parts))


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _value(field: FieldDescriptor, value: Any) -> str:
    if field.message_type is not None:
        return f"{{{text_format.MessageToString(value, as_one_line=True, as_utf8=True)}}}"
    output = StringIO()
    text_format.PrintFieldValue(field, value, output, as_utf8=True)
    return output.getvalue()
