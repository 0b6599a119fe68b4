"""Messages as one line of JSON, as grpcurl prints them.

protobuf's own json_format takes three times as long, and raises an error for a time that JSON has no text for. Another
producer may have recorded such a time. Here it is an object with seconds and nanos.
"""

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from json.encoder import encode_basestring
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

ToText = Callable[[Any], str]

TIMESTAMP = "google.protobuf.Timestamp"
SCALARS: dict[int, ToText] = {
    FieldDescriptor.TYPE_STRING: encode_basestring,
    FieldDescriptor.TYPE_BYTES: lambda value: f'"{b64encode(value).decode()}"',
    FieldDescriptor.TYPE_BOOL: lambda value: "true" if value else "false",
    FieldDescriptor.TYPE_INT32: str,
    FieldDescriptor.TYPE_INT64: '"{}"'.format,
}


def message_json(message: Message) -> str:
    """Return a message as JSON. Raises KeyError if it has a field of a type that no public event has."""
    fields = _fields_of(message.DESCRIPTOR)
    return f"{{{','.join([fields[field](value) for field, value in message.ListFields()])}}}"


@cache
def _fields_of(descriptor: Descriptor) -> dict[FieldDescriptor, ToText]:
    return {field: _field_to_text(field) for field in descriptor.fields}


def _field_to_text(field: FieldDescriptor) -> ToText:
    label, to_text = f'"{field.json_name}":', _value_to_text(field)
    if field.is_repeated:
        return lambda values: f"{label}[{','.join([to_text(value) for value in values])}]"
    return lambda value: label + to_text(value)


def _value_to_text(field: FieldDescriptor) -> ToText:
    if field.enum_type is not None:
        return _enum_to_text(field.enum_type)
    if field.message_type is None:
        return SCALARS[field.type]
    return _time_to_text if field.message_type.full_name == TIMESTAMP else message_json


def _enum_to_text(enum: EnumDescriptor) -> ToText:
    texts = {number: f'"{value.name}"' for number, value in enum.values_by_number.items()}
    return lambda number: texts.get(number) or str(number)


def _time_to_text(time: Any) -> str:
    try:
        return f'"{time.ToJsonString()}"'
    except ValueError:  # before the year 1 or after 9999
        return message_json(time)
