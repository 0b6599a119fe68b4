"""What of an old message must be known to read it as the new one; all else of it is bytes that pass as they are.

An excerpt is a message made at start that has only those fields, so that parsing it costs what changes, not what the
event holds: upb keeps what it does not know as one run of bytes, and writes that back.
"""

from collections.abc import Iterator
from typing import TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.hops.plan import Match, Plan, oneof_of
from ordertrail_server.schema.hops.values import entry_of, held_in, is_map

Known: TypeAlias = dict[str, "Known"]
"""The fields to know by their names, and those of the messages in them; a message of which none is known is bytes."""


def known_in(plan: Plan) -> Known:
    """Return what must be known of the old message; nothing if its bytes, parsed as the new one, say the same."""
    known: Known = {field.name: {} for field in given_up(plan)}
    for found in plan.matches:
        if found.old:
            inner = known_in(found.value.message) if stays(found) and found.value.message else {}
            if inner or not (stays(found) and _parses_alike(found)):
                _add(known, _at(found, inner))
    return known


def stays(found: Match) -> bool:
    """Return whether the bytes of a value lie where the new message looks for them, whatever is to be done to it."""
    return found.in_place and (found.value.same_bytes or recodes(found))


def recodes(found: Match) -> bool:
    """Return whether a value is parsed in its place as the number that it had in its enum, and has another now."""
    if found.value.enum is None or not found.in_place:
        return False
    old, new = found.old[0], found.new[0]
    enum = held_in(new).enum_type
    alike = new.is_repeated or old.has_presence == new.has_presence
    return alike and enum is not None and not enum.is_closed


def given_up(plan: Plan) -> list[FieldDescriptor]:
    """Return the fields of the old message whose bytes must not be parsed as the new one's."""
    kept = {found.old[0].number for found in plan.matches if stays(found)}
    return [field for number, field in plan.old.fields_by_number.items() if number not in kept]


def excerpt_class(message: Descriptor, known: Known) -> type[Message]:
    """Return the class of the message that has these fields of another, and keeps all others as unknown ones."""
    file = FileDescriptorProto(name="excerpt.proto", syntax="proto3")
    _draft(file, message, known)
    pool = DescriptorPool()
    pool.Add(file)
    return message_class(pool.FindMessageTypeByName("Excerpt0"))


def _parses_alike(found: Match) -> bool:
    # Bytes that say a field twice mean the last one, or a merge, where it is single or in a oneof, and else both.
    were, are = ({field.number for field in _rivals(path[-1])} for path in (found.old, found.new))
    return were <= are and bool(were) == bool(are) and not found.value.to_list


def _rivals(field: FieldDescriptor) -> list[FieldDescriptor]:
    """Return the members of the oneof of a field, of which one alone can be set; none if it is in no oneof."""
    oneof = field.containing_oneof
    return list(oneof.fields) if oneof and oneof_of(field) else []


def _at(found: Match, inner: Known) -> Known:
    for field in reversed(found.old):
        inner = {field.name: inner}
    return inner


def _add(known: Known, more: Known) -> None:
    for name, inner in more.items():
        _add(known.setdefault(name, {}), inner)


def _draft(file: FileDescriptorProto, message: Descriptor, known: Known) -> str:
    """Add the excerpt of a message to a file; return the name of its type."""
    name = f"Excerpt{len(file.message_type)}"
    draft = file.message_type.add(name=name)
    # The oneofs that only tell of presence come last, as the compiler of protos has it.
    for field in sorted(_fields(message, known), key=lambda field: not oneof_of(field)):
        copy = draft.field.add()
        _copy(file, field, known.get(field.name, {}), copy)
        if is_map(field):
            copy.type_name = f".{name}.{_entry(file, field, known.get(field.name, {}), draft)}"
        if oneof := oneof_of(field):
            _join(draft, copy, oneof.rpartition(".")[2])
        elif field.has_presence and field.message_type is None:
            copy.proto3_optional = True
            _join(draft, copy, f"_{field.name}")
    return name


def _fields(message: Descriptor, known: Known) -> Iterator[FieldDescriptor]:
    """Yield the known fields, and with a member of a oneof its rivals: they tell whether it is set."""
    wanted = {one.name for name in known for one in _rivals(message.fields_by_name[name])} | set(known)
    return (field for field in message.fields if field.name in wanted)


def _copy(file: FileDescriptorProto, field: FieldDescriptor, inner: Known, copy: FieldDescriptorProto) -> None:
    copy.name, copy.number = field.name, field.number
    copy.label = copy.LABEL_REPEATED if field.is_repeated else copy.LABEL_OPTIONAL
    copy.type = copy.TYPE_INT32 if field.enum_type is not None else FieldDescriptorProto.Type.ValueType(field.type)
    if field.message_type is not None and not is_map(field):
        copy.type_name = f".{_draft(file, field.message_type, inner)}"


def _entry(file: FileDescriptorProto, field: FieldDescriptor, inner: Known, draft: DescriptorProto) -> str:
    assert field.message_type is not None
    entry = draft.nested_type.add(name=field.message_type.name)
    entry.options.map_entry = True
    for part in entry_of(field):
        _copy(file, part, inner, entry.field.add())
    return entry.name


def _join(draft: DescriptorProto, field: FieldDescriptorProto, oneof: str) -> None:
    names = [one.name for one in draft.oneof_decl]
    if oneof not in names:
        draft.oneof_decl.add(name=oneof)
    field.oneof_index = names.index(oneof) if oneof in names else len(names)
