"""The messages and enums that a proto file declares, each with its path in the file's source info."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias, TypeGuard

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, SourceCodeInfo

TypeProto: TypeAlias = DescriptorProto | EnumDescriptorProto
SourcePath: TypeAlias = tuple[int, ...]
Location: TypeAlias = SourceCodeInfo.Location

FILE_MESSAGES, FILE_ENUMS = 4, 5  # field numbers of FileDescriptorProto, as used in source paths
FIELDS, NESTED_MESSAGES, NESTED_ENUMS = 2, 3, 4  # those of DescriptorProto


def is_message(proto: TypeProto) -> TypeGuard[DescriptorProto]:
    """Return whether a type is a message. Its class may come from a tree's own descriptor.proto."""
    return proto.DESCRIPTOR.name == DescriptorProto.DESCRIPTOR.name


class TypeDeclaration(NamedTuple):
    """A message or an enum: its full name, its file, and its path in that file's source info."""

    name: str
    file: FileDescriptorProto
    path: SourcePath
    proto: TypeProto


def location_of(file: FileDescriptorProto, path: SourcePath) -> Location:
    """Return the first location of a path in a file's source info. Raises StopIteration if there is none."""
    return next(location for location in file.source_code_info.location if tuple(location.path) == path)


def declarations_in(file: FileDescriptorProto) -> Iterator[TypeDeclaration]:
    """Yield all types of a file, nested ones included."""
    for index, message in enumerate(file.message_type):
        yield from _with_nested(file, file.package, (FILE_MESSAGES, index), message)
    for index, enum in enumerate(file.enum_type):
        yield TypeDeclaration(_qualified_name(file.package, enum.name), file, (FILE_ENUMS, index), enum)


def _with_nested(
    file: FileDescriptorProto, scope: str, path: SourcePath, message: DescriptorProto
) -> Iterator[TypeDeclaration]:
    name = _qualified_name(scope, message.name)
    yield TypeDeclaration(name, file, path, message)
    for index, nested in enumerate(message.nested_type):
        yield from _with_nested(file, name, (*path, NESTED_MESSAGES, index), nested)
    for index, enum in enumerate(message.enum_type):
        yield TypeDeclaration(f"{name}.{enum.name}", file, (*path, NESTED_ENUMS, index), enum)


def _qualified_name(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name
