"""A draft of the next version of OrderPlaced: a copy of the previous version that one change then modifies."""

from collections.abc import Callable

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from ordertrail.evolve.v1 import rules_pb2

EVENT = "OrderPlaced"
COPIED_MESSAGES = {EVENT, "OrderedLine", "Money", "Date", "OrderSource"}
"""The event and the messages in it."""


class VersionDraft:
    """The draft of one version's file; `next_number` is the lowest field number that the event never used."""

    def __init__(self, previous: FileDescriptorProto, version: int, next_number: int) -> None:
        self.file, self.version, self.next_number = _copy(previous, version), version, next_number
        self.event = find_message(self.file, EVENT)
        getattr(self.event.options.Extensions[rules_pb2.message], "from").append(f"{previous.package}.{EVENT}")

    def has(self, name: str) -> bool:
        """Return whether the event has a field."""
        return any(field.name == name for field in self.event.field)

    def field(self, name: str) -> FieldDescriptorProto:
        """Return a field of the event."""
        return next(field for field in self.event.field if field.name == name)

    def add(self, name: str, of: "FieldDescriptorProto.Type.ValueType", type_name: str = "") -> FieldDescriptorProto:
        """Add an optional field with the next unused number."""
        field = self.event.field.add(name=name, number=self.next_number, type=of, proto3_optional=True)
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        if type_name:
            field.type_name = f".{self.file.package}.{type_name}"
        self.next_number += 1
        return field

    def remove(self, name: str) -> None:
        """Remove a field from the event."""
        self.event.field.remove(self.field(name))

    def finish(self) -> FileDescriptorProto:
        """Return the finished file, with the oneofs of its optional fields."""
        for message in self.file.message_type:
            set_presence(message)
        return self.file


Change = Callable[[VersionDraft], None]


def find_message(file: FileDescriptorProto, name: str) -> DescriptorProto:
    """Return a message of a file."""
    return next(message for message in file.message_type if message.name == name)


def set_presence(message: DescriptorProto) -> None:
    """Give each optional field its synthetic oneof. The message must have no other oneofs."""
    del message.oneof_decl[:]
    for field in message.field:
        field.ClearField("oneof_index")
        if field.proto3_optional:
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")


def _copy(previous: FileDescriptorProto, version: int) -> FileDescriptorProto:
    file = FileDescriptorProto()
    file.CopyFrom(previous)
    file.package = previous.package.rpartition(".v")[0] + f".v{version}"
    file.name = f"{file.package.replace('.', '/')}/order_events.proto"
    for message in file.message_type:
        message.ClearField("options")
        for field in message.field:
            field.ClearField("options")
            if field.type_name:
                field.type_name = field.type_name.replace(f".{previous.package}.", f".{file.package}.")
    return file
