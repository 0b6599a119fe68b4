"""The next version of OrderPlaced as a copy of the one before, open to the change that it is made for."""

from collections.abc import Callable

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from ordertrail.evolve.v1 import rules_pb2

EVENT = "OrderPlaced"
USED = {EVENT, "OrderedLine", "Money", "Date", "OrderSource"}
"""The event, and the messages in it, which are copied with it."""


class Draft:
    """One version of the file of OrderPlaced; `free` is the lowest number that no field of the event ever had."""

    def __init__(self, before: FileDescriptorProto, version: int, free: int) -> None:
        self.file, self.version, self.free = _copied(before, version), version, free
        self.event = message_in(self.file, EVENT)
        getattr(self.event.options.Extensions[rules_pb2.message], "from").append(f"{before.package}.{EVENT}")

    def has(self, name: str) -> bool:
        """Return whether the event has a field."""
        return any(field.name == name for field in self.event.field)

    def field(self, name: str) -> FieldDescriptorProto:
        """Return a field of the event."""
        return next(field for field in self.event.field if field.name == name)

    def add(self, name: str, of: "FieldDescriptorProto.Type.ValueType", type_name: str = "") -> FieldDescriptorProto:
        """Add an optional field under a number that was never used."""
        field = self.event.field.add(name=name, number=self.free, type=of, proto3_optional=True)
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        if type_name:
            field.type_name = f".{self.file.package}.{type_name}"
        self.free += 1
        return field

    def remove(self, name: str) -> None:
        """Take a field off the event."""
        self.event.field.remove(self.field(name))

    def done(self) -> FileDescriptorProto:
        """Return the file with the presence of its fields in order."""
        for message in self.file.message_type:
            give_presence(message)
        return self.file


Change = Callable[[Draft], None]


def message_in(file: FileDescriptorProto, name: str) -> DescriptorProto:
    """Return a message of a file."""
    return next(message for message in file.message_type if message.name == name)


def give_presence(message: DescriptorProto) -> None:
    """Give each optional field the oneof of its own that makes it so; a message with other oneofs would lose them."""
    del message.oneof_decl[:]
    for field in message.field:
        field.ClearField("oneof_index")
        if field.proto3_optional:
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")


def _copied(before: FileDescriptorProto, version: int) -> FileDescriptorProto:
    file = FileDescriptorProto()
    file.CopyFrom(before)
    file.package = before.package.rpartition(".v")[0] + f".v{version}"
    file.name = f"{file.package.replace('.', '/')}/order_events.proto"
    for message in file.message_type:
        message.ClearField("options")
        for field in message.field:
            field.ClearField("options")
            if field.type_name:
                field.type_name = field.type_name.replace(f".{before.package}.", f".{file.package}.")
    return file
