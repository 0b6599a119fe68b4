"""The shape of a stored message or enum as lines of text: everything that decides what its bytes mean.

    2 optional int64 units                  a field: number, label, type, name
    20 oneof event events.v2.Paid paid_v2   a field of a oneof
    3 ORDER_STATUS_SHIPPED                  a value of an enum
    rule dropped = "note"                   a rule of the message
    2 rule from = "amount"                  a rule of a field

Comments, files, the order of declarations and other options are no part of the shape.
"""

import json
from collections.abc import Iterator
from typing import Final, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import Message

from ordertrail_server.schema.rules import field_rules, message_rules

StoredType: TypeAlias = Descriptor | EnumDescriptor

# Rules that may change after the release, because they do not change how stored bytes are read: whether the message
# is still written, and whether a field is part of the public event.
_FREE: Final = ("retired", "not_public")
# Frozen by their owner, the protobuf project.
_WELL_KNOWN: Final = "google.protobuf"
_TYPES: Final[dict[int, str]] = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}


def stored_types(record: Descriptor) -> list[StoredType]:
    """Return the record and every message and enum that it can contain. A contained type comes before its container."""
    types: dict[str, StoredType] = {}
    _add(record, types, set())
    return list(types.values())


def shape_lines(descriptor: StoredType) -> list[str]:
    """Return the lines of the shape of a message or enum."""
    if isinstance(descriptor, EnumDescriptor):
        return [
            f"{number} {name}" for number, name in sorted((value.number, value.name) for value in descriptor.values)
        ]
    lines = _rule_lines("rule", message_rules(descriptor))
    for field in sorted(descriptor.fields, key=lambda field: field.number):
        lines += [_field_line(field), *_rule_lines(f"{field.number} rule", field_rules(field))]
    return lines


def _add(descriptor: StoredType, types: dict[str, StoredType], visited: set[str]) -> None:
    if descriptor.full_name in visited or descriptor.file.package == _WELL_KNOWN:
        return
    visited.add(descriptor.full_name)
    if isinstance(descriptor, Descriptor):
        for inner in _field_types(descriptor):
            _add(inner, types, visited)
    if not _is_map_entry(descriptor):
        types[descriptor.full_name] = descriptor


def _field_types(message: Descriptor) -> Iterator[StoredType]:
    for field in sorted(message.fields, key=lambda field: field.number):
        field_type = field.message_type or field.enum_type
        if field_type is not None:
            yield field_type


def _field_line(field: FieldDescriptor) -> str:
    if field.message_type is not None and _is_map_entry(field.message_type):
        key, value = (field.message_type.fields_by_number[number] for number in (1, 2))
        return f"{field.number} map<{_type(key)}, {_type(value)}> {field.name}"
    default = f" default {json.dumps(str(field.default_value))}" if field.has_default_value else ""
    return f"{field.number} {_label(field)}{default} {_type(field)} {field.name}"


def _label(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "repeated"
    if field.is_required:
        return "required"
    oneof = field.containing_oneof
    # proto3 wraps each optional field in a oneof of its own, named after it, with an X in front if that was taken.
    if oneof is not None and oneof.name.lstrip("X") != f"_{field.name}":
        return f"oneof {oneof.name}"
    return "optional" if field.has_presence else "implicit"


def _type(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        group = "group " if field.type == FieldDescriptor.TYPE_GROUP else ""
        return f"{group}{field.message_type.full_name}"
    if field.enum_type is not None:
        # A closed enum rejects unknown numbers, so opening or closing an enum changes what bytes mean.
        return f"{'closed ' if field.enum_type.is_closed else ''}{field.enum_type.full_name}"
    return _TYPES[field.type]


def _is_map_entry(descriptor: StoredType) -> bool:
    return isinstance(descriptor, Descriptor) and descriptor.GetOptions().map_entry


def _rule_lines(prefix: str, rules: Message) -> list[str]:
    return [f"{prefix} {text}" for text in _rule_texts(rules)]


def _rule_texts(rules: Message) -> list[str]:
    """Return each rule as `name = value`, in the order of field numbers."""
    lines = []
    for field, value in rules.ListFields():
        if field.name in _FREE:
            continue
        for element in value if field.is_repeated else [value]:
            text = (
                f"{{{'; '.join(_rule_texts(element))}}}"
                if isinstance(element, Message)
                else json.dumps(element, ensure_ascii=False)
            )
            lines.append(f"{field.name} = {text}")
    return lines
