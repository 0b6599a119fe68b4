"""The samples of each event together use all of its fields and enum values."""

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from tests.corpus.add import CORPUS

from ordertrail.log.v1.record_pb2 import Record

RECORDS: list[Message] = [Record.FromString(path.read_bytes()) for path in sorted(CORPUS.glob("v*/*.binpb"))]
CASES = [case.name for case in Record.DESCRIPTOR.oneofs_by_name["event"].fields]
# The samples are events. A recorded refusal has none, and no release writes one yet.
ENVELOPE = [field.name for field in Record.DESCRIPTOR.fields if field.name not in (*CASES, "refusal")]


@pytest.mark.parametrize("field", [*ENVELOPE, *CASES])
def test_every_field_and_enum_value_is_in_a_sample(field: str) -> None:
    of = Record.DESCRIPTOR.fields_by_name[field]
    used_values = {
        value_name
        for record in RECORDS
        if record.HasField(field)
        for value_name in list_used_values(of, getattr(record, field))
    }
    assert [value_name for value_name in possible_values(of) if value_name not in used_values] == []


def possible_values(field: FieldDescriptor, within: tuple[Descriptor, ...] = ()) -> Iterator[str]:
    """Return the paths of a field, of the fields in it, and of the values of its enum except the first."""
    yield field.name
    if field.enum_type is not None:
        yield from (f"{field.name}={value.name}" for value in field.enum_type.values if value.number)
    message = field.message_type
    if message is not None and message not in within and message.file.package != "google.protobuf":
        for inner in message.fields:
            yield from (f"{field.name}.{value_name}" for value_name in possible_values(inner, (*within, message)))


def list_used_values(field: FieldDescriptor, value: object) -> Iterator[str]:
    """Return those of the `possible_values` that the value of a field uses."""
    yield field.name
    if field.enum_type is not None and isinstance(value, int) and value in field.enum_type.values_by_number:
        yield f"{field.name}={field.enum_type.values_by_number[value].name}"
    if isinstance(value, Message):
        for inner, inner_value in value.ListFields():
            for element in inner_value if inner.is_repeated else [inner_value]:
                yield from (f"{field.name}.{value_name}" for value_name in list_used_values(inner, element))
