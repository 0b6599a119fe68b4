"""The stored messages as they would be if their protos were written otherwise."""

from collections.abc import Callable

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.descriptor_pool import DescriptorPool

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.schema.cases import cases, message_of, version_of


class Protos:
    """Editable copies of the proto files of Record, with all event versions up to a given one."""

    def __init__(self, newest: int) -> None:
        self.files: dict[str, FileDescriptorProto] = {}
        self._add(Record.DESCRIPTOR.file)
        for case in cases():
            if version_of(message_of(case)) > newest:
                self._forget(case)

    def _forget(self, case: FieldDescriptor) -> None:
        record, file = self.message("log.v1.Record"), message_of(case).file.name
        record.field.remove(self.field("log.v1.Record", case.number))
        if self.files.pop(file, None):
            self.package("log.v1").dependency.remove(file)

    def _add(self, file: FileDescriptor) -> None:
        for needed in file.dependencies:
            self._add(needed)
        self.files[file.name] = proto = FileDescriptorProto()
        file.CopyToProto(proto)

    def package(self, name: str) -> FileDescriptorProto:
        """Return the file of a package of ordertrail, such as "events.v2"."""
        return next(file for file in self.files.values() if file.package == f"ordertrail.{name}")

    def message(self, name: str) -> DescriptorProto:
        """Return a message: "events.v2.Money"."""
        package, _, own = name.rpartition(".")
        return next(message for message in self.package(package).message_type if message.name == own)

    def enum(self, name: str) -> EnumDescriptorProto:
        """Return an enum: "events.v2.OrderStatus"."""
        package, _, own = name.rpartition(".")
        return next(enum for enum in self.package(package).enum_type if enum.name == own)

    def field(self, message: str, number: int) -> FieldDescriptorProto:
        """Return a field of a message."""
        return next(field for field in self.message(message).field if field.number == number)

    def rename(self, message: str, number: int, name: str) -> FieldDescriptorProto:
        """Rename a field and its synthetic oneof (which makes it optional)."""
        field = self.field(message, number)
        field.name = name
        if field.proto3_optional:
            self.message(message).oneof_decl[field.oneof_index].name = f"_{name}"
        return field

    def add_field(
        self, message: str, number: int, name: str, of: "FieldDescriptorProto.Type.ValueType", type_name: str = ""
    ) -> FieldDescriptorProto:
        """Add a field without presence to a message."""
        label = FieldDescriptorProto.LABEL_OPTIONAL
        return self.message(message).field.add(
            number=number, name=name, type=of, label=label, type_name=type_name or None
        )


Edit = Callable[[Protos], object]
LATEST = 1_000
"""Above all versions that there are."""


def record_after(edit: Edit, newest: int = 2) -> Descriptor:
    """Return the record as it would be after an edit of the protos.

    Versions above `newest` are left out, so that what an edit of version 2 leads to stays the same when they come.
    """
    protos = Protos(newest)
    edit(protos)
    return load_record(FileDescriptorSet(file=protos.files.values()))


def load_record(image: FileDescriptorSet) -> Descriptor:
    """Return the record of an image. Each file must come after those that it imports."""
    pool = DescriptorPool()
    for file in image.file:
        pool.Add(file)
    return pool.FindMessageTypeByName(Record.DESCRIPTOR.full_name)


RECORD = record_after(lambda protos: None)
