"""A tree of protos, compiled by buf: its files and their types."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.buf import build
from ordertrail_server.authoring.type_declaration import TypeDeclaration, declarations_in, is_message

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor


class Tree:
    """The files of a tree by name, and its types by full name. All options are parsed, none are raw bytes."""

    def __init__(self, image: bytes) -> None:
        plain = FileDescriptorSet.FromString(image)
        self._pool = DescriptorPool()
        for file in plain.file:
            self._pool.AddSerializedFile(file.SerializeToString())
        self.files = {file.name: file for file in self._with_named_options(image, plain).file}
        declarations = [declaration for file in self.files.values() for declaration in declarations_in(file)]
        self.types = {declaration.name: declaration for declaration in declarations}

    def extension(self, name: str) -> "FieldDescriptor":
        """Return an option that every tree of Ordertrail declares. Raises AuthoringError."""
        try:
            return self._pool.FindExtensionByName(name)
        except KeyError:
            raise AuthoringError(f"These are not the protos of Ordertrail: they do not declare {name}.") from None

    def message(self, name: str) -> DescriptorProto:
        """Return a message that every tree of Ordertrail declares. Raises AuthoringError."""
        declaration = self.types.get(name)
        if declaration and is_message(declaration.proto):
            return declaration.proto
        raise AuthoringError(f"These are not the protos of Ordertrail: they do not declare {name}.")

    def outermost(self, name: str) -> TypeDeclaration:
        """Return the outermost type around the type with this full name, or the type itself."""
        package = self.types[name].file.package
        prefix = f"{package}." if package else ""
        return self.types[prefix + name.removeprefix(prefix).partition(".")[0]]

    def _with_named_options(self, image: bytes, plain: FileDescriptorSet) -> FileDescriptorSet:
        # Parsed by the tree's own descriptor.proto, all options of the tree have names.
        try:
            file_set = self._pool.FindMessageTypeByName(FileDescriptorSet.DESCRIPTOR.full_name)
        except KeyError:  # then the tree declares no options
            return plain
        return cast(FileDescriptorSet, GetMessageClass(file_set).FromString(image))


def read_tree(proto: Path) -> Tree:
    """Compile a tree of protos. Raises AuthoringError."""
    return Tree(build(proto))
