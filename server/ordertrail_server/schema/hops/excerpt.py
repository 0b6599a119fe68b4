"""The excerpt of a message: a message type that declares only the fields that a hop changes.

Parsing an excerpt costs as much as the change, not as much as the event: upb keeps all unknown fields as one run of
bytes and writes them back.
"""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.hops.excerpt_fields import ExcerptFields, oneof_siblings
from ordertrail_server.schema.hops.plan import oneof_of
from ordertrail_server.schema.hops.values import entry_of, is_map


def excerpt_class(message: Descriptor, excerpted: ExcerptFields) -> type[Message]:
    """Return the class that declares these fields of a message and keeps all others as unknown fields."""
    file = FileDescriptorProto(name="excerpt.proto", syntax="proto3")
    _draft(file, message, excerpted)
    pool = DescriptorPool()
    pool.Add(file)
    return message_class(pool.FindMessageTypeByName("Excerpt0"))


def _draft(file: FileDescriptorProto, message: Descriptor, excerpted: ExcerptFields) -> str:
    """Add the excerpt of a message to a file; return the name of its type."""
    name = f"Excerpt{len(file.message_type)}"
    draft = file.message_type.add(name=name)
    # protoc requires that the synthetic oneofs of proto3 optional fields come last.
    for field in sorted(_fields(message, excerpted), key=lambda field: not oneof_of(field)):
        copy, inner = draft.field.add(), excerpted.get(field.name, {})
        _copy(file, field, inner, copy)
        if is_map(field) and inner is not None:
            copy.type_name = f".{name}.{_entry(file, field, inner, draft)}"
        if oneof := oneof_of(field):
            _join_oneof(draft, copy, oneof.rpartition(".")[2])
        elif field.has_presence and copy.type != copy.TYPE_MESSAGE:
            copy.proto3_optional = True
            _join_oneof(draft, copy, f"_{field.name}")
    return name


def _fields(message: Descriptor, excerpted: ExcerptFields) -> Iterator[FieldDescriptor]:
    """Yield the excerpted fields, and for a member of a oneof its siblings: they show whether it is set."""
    names = {field.name for name in excerpted for field in oneof_siblings(message.fields_by_name[name])} | set(
        excerpted
    )
    return (field for field in message.fields if field.name in names)


def _copy(
    file: FileDescriptorProto, field: FieldDescriptor, inner: ExcerptFields | None, copy: FieldDescriptorProto
) -> None:
    copy.name, copy.number = field.name, field.number
    copy.label = copy.LABEL_REPEATED if field.is_repeated else copy.LABEL_OPTIONAL
    copy.type = copy.TYPE_INT32 if field.enum_type is not None else FieldDescriptorProto.Type.ValueType(field.type)
    if inner is None and copy.type in (copy.TYPE_MESSAGE, copy.TYPE_STRING):
        # A displaced field need not be well-formed.
        copy.type = copy.TYPE_BYTES
    elif field.message_type is not None and not is_map(field):
        copy.type_name = f".{_draft(file, field.message_type, inner or {})}"


def _entry(file: FileDescriptorProto, field: FieldDescriptor, inner: ExcerptFields, draft: DescriptorProto) -> str:
    assert field.message_type is not None
    entry = draft.nested_type.add(name=field.message_type.name)
    entry.options.map_entry = True
    for part in entry_of(field):
        _copy(file, part, inner, entry.field.add())
    return entry.name


def _join_oneof(draft: DescriptorProto, field: FieldDescriptorProto, oneof: str) -> None:
    names = [declaration.name for declaration in draft.oneof_decl]
    if oneof not in names:
        draft.oneof_decl.add(name=oneof)
    field.oneof_index = names.index(oneof) if oneof in names else len(names)
