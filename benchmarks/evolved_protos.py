"""Builds the protos with any number of further versions of OrderPlaced, each with one change."""

from collections.abc import Sequence

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from benchmarks.version_draft import COPIED_MESSAGES, EVENT, Change, VersionDraft, find_message, set_presence
from ordertrail.events.v2 import order_events_pb2 as events_v2
from ordertrail.log.v1 import record_pb2
from ordertrail.v1 import order_events_pb2 as public_events

FIRST = 3
"""The first added version."""

FIRST_CASE = 200
"""The field number of the first added version in Record; later versions have the next numbers."""

OPTIONAL_FIELD = "weight"

Files = list[FileDescriptorProto]


def evolve_protos(base_change: Change, changes: Sequence[Change]) -> Files:
    """Return the files of the public events, of every added version and of the record.

    Version 3 has the base change, and each later version has one of the changes. The public OrderPlaced gets the fields
    of version 3 under the same names, and the weight if the newest version has one.
    """
    previous, versions = _today(), Files()
    next_number = max(events_v2.OrderPlaced.DESCRIPTOR.fields_by_number) + 1
    for version, change in enumerate([base_change, *changes], FIRST):
        draft = VersionDraft(previous, version, next_number)
        change(draft)
        previous, next_number = draft.finish(), draft.next_number
        versions.append(previous)
    return [_public_of(versions), *versions, _record_of(versions)]


def _today() -> FileDescriptorProto:
    file = FileDescriptorProto()
    events_v2.DESCRIPTOR.CopyToProto(file)
    copied = [message for message in file.message_type if message.name in COPIED_MESSAGES]
    del file.message_type[:]
    file.message_type.extend(copied)
    return file


def _record_of(versions: Files) -> FileDescriptorProto:
    file = FileDescriptorProto()
    record_pb2.DESCRIPTOR.CopyToProto(file)
    record = find_message(file, "Record")
    for index, events in enumerate(versions):
        file.dependency.append(events.name)
        case = record.field.add(name=f"order_placed_v{FIRST + index}", number=FIRST_CASE + index, oneof_index=0)
        case.label, case.type = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.TYPE_MESSAGE
        case.type_name = f".{events.package}.{EVENT}"
    return file


def _public_of(versions: Files) -> FileDescriptorProto:
    file = FileDescriptorProto()
    public_events.DESCRIPTOR.CopyToProto(file)
    file.enum_type.extend(enum for enum in versions[0].enum_type if enum.name == "Priority")
    event = find_message(file, EVENT)
    public_names = {field.name for field in event.field}
    for field in find_message(versions[0], EVENT).field:
        if field.name not in public_names:
            _publish(field, versions[0], event)
    for field in find_message(versions[-1], EVENT).field:
        if field.name == OPTIONAL_FIELD:
            _publish(field, versions[-1], event)
    set_presence(event)
    return file


def _publish(field: FieldDescriptorProto, of: FileDescriptorProto, event: DescriptorProto) -> None:
    public = event.field.add()
    public.CopyFrom(field)
    public.ClearField("options")
    if field.type_name:
        public.type_name = field.type_name.replace(f".{of.package}.", f".{public_events.DESCRIPTOR.package}.")
