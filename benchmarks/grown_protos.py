"""The protos as they would be after any number of versions of OrderPlaced, each with one change."""

from collections.abc import Sequence

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from benchmarks.drafts import EVENT, USED, Change, Draft, give_presence, message_in
from ordertrail.events.v2 import order_events_pb2 as events_v2
from ordertrail.log.v1 import record_pb2
from ordertrail.v1 import order_events_pb2 as public_events

FIRST = 3
"""The version that comes next."""

FIRST_CASE = 200
"""The number in the record of that version; those behind it have the numbers behind it."""

ONLY_SOMETIMES = "weight"

Files = list[FileDescriptorProto]


def grown(first: Change, changes: Sequence[Change]) -> Files:
    """Return the files of the public events, of version 3, which adds what `first` says, of a version for each change,
    and of the record.

    The public OrderPlaced has grown by what version 3 has, under the same names; and by the weight, where the newest
    version has one.
    """
    before, versions = _today(), Files()
    free = max(events_v2.OrderPlaced.DESCRIPTOR.fields_by_number) + 1
    for version, change in enumerate([first, *changes], FIRST):
        draft = Draft(before, version, free)
        change(draft)
        before, free = draft.done(), draft.free
        versions.append(before)
    return [_public_of(versions), *versions, _record_of(versions)]


def _today() -> FileDescriptorProto:
    file = FileDescriptorProto()
    events_v2.DESCRIPTOR.CopyToProto(file)
    used = [message for message in file.message_type if message.name in USED]
    del file.message_type[:]
    file.message_type.extend(used)
    return file


def _record_of(versions: Files) -> FileDescriptorProto:
    file = FileDescriptorProto()
    record_pb2.DESCRIPTOR.CopyToProto(file)
    record = message_in(file, "Record")
    for place, events in enumerate(versions):
        file.dependency.append(events.name)
        case = record.field.add(name=f"order_placed_v{FIRST + place}", number=FIRST_CASE + place, oneof_index=0)
        case.label, case.type = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.TYPE_MESSAGE
        case.type_name = f".{events.package}.{EVENT}"
    return file


def _public_of(versions: Files) -> FileDescriptorProto:
    file = FileDescriptorProto()
    public_events.DESCRIPTOR.CopyToProto(file)
    file.enum_type.extend(enum for enum in versions[0].enum_type if enum.name == "Priority")
    event = message_in(file, EVENT)
    known = {field.name for field in event.field}
    for field in message_in(versions[0], EVENT).field:
        if field.name not in known:
            _publish(field, versions[0], event)
    for field in message_in(versions[-1], EVENT).field:
        if field.name == ONLY_SOMETIMES:
            _publish(field, versions[-1], event)
    give_presence(event)
    return file


def _publish(field: FieldDescriptorProto, of: FileDescriptorProto, event: DescriptorProto) -> None:
    public = event.field.add()
    public.CopyFrom(field)
    public.ClearField("options")
    if field.type_name:
        public.type_name = field.type_name.replace(f".{of.package}.", f".{public_events.DESCRIPTOR.package}.")
