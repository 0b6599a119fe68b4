"""Names that a proto cannot use, because Python's generated code has attributes of its own under them."""

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorSet
from google.protobuf.empty_pb2 import Empty

RESERVED = frozenset(dir(Empty))
"""The attributes of every generated message. A generated module has DESCRIPTOR of these."""


def reserved_names(image: bytes) -> list[str]:
    """Return an error text for each use of such a name below ordertrail/ in `image`, which `build` returned."""
    files = [file for file in FileDescriptorSet.FromString(image).file if file.name.startswith("ordertrail/")]
    attributes = [
        attribute for file in files for attribute in _attributes(file.package, file.message_type, file.enum_type)
    ]
    return [
        f"the {kind} {scope}.{name} needs another name: Python's generated code has an attribute {name} of its own"
        for kind, scope, name in attributes
        if name in RESERVED
    ]


def _attributes(
    scope: str, messages: Iterable[DescriptorProto], enums: Iterable[EnumDescriptorProto]
) -> Iterator[tuple[str, str, str]]:
    """Yield kind, scope and name of each declaration that becomes a Python attribute."""
    for enum in enums:
        yield "enum", scope, enum.name
        yield from (("enum value", scope, value.name) for value in enum.value)
    for message in messages:
        yield "message", scope, message.name
        message_name = f"{scope}.{message.name}"
        yield from (("field", message_name, field.name) for field in message.field)
        yield from (("oneof", message_name, choice.name) for choice in message.oneof_decl)
        yield from _attributes(message_name, message.nested_type, message.enum_type)
