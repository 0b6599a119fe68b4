"""Builds the Python modules of evolved protos without running protoc.

They must be installed before anything imports the real modules, so this needs a process of its own.
"""

import sys
from importlib import import_module
from types import ModuleType

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import Default
from google.protobuf.internal import builder


def install_modules(image: FileDescriptorSet) -> None:
    """Install a module for each of our files in an image. Each file must come after the files that it imports."""
    for file in image.file:
        name = file.name.removesuffix(".proto").replace("/", ".") + "_pb2"
        if file.package.startswith("ordertrail."):
            sys.modules[name] = _module(name, file)
        else:
            import_module(name)


def _module(name: str, file: FileDescriptorProto) -> ModuleType:
    # As in protoc's generated code: add the descriptors to the pool, then the classes to the module.
    module = ModuleType(name)
    descriptor = Default().AddSerializedFile(file.SerializeToString())
    module.__dict__["DESCRIPTOR"] = descriptor
    builder.BuildMessageAndEnumDescriptors(descriptor, module.__dict__)
    builder.BuildTopDescriptorsAndMessages(descriptor, name, module.__dict__)
    return module
