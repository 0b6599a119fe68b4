"""The modules that `make generate` would make of grown protos, without running it.

To be put in place before anything imports the modules of today, so in a process of their own.
"""

import sys
from importlib import import_module
from types import ModuleType

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import Default
from google.protobuf.internal import builder


def put_in_place(image: FileDescriptorSet) -> None:
    """Make a module of each file of ours in an image, whose files stand behind those that they import."""
    for file in image.file:
        name = file.name.removesuffix(".proto").replace("/", ".") + "_pb2"
        if file.package.startswith("ordertrail."):
            sys.modules[name] = _module(name, file)
        else:
            import_module(name)


def _module(name: str, file: FileDescriptorProto) -> ModuleType:
    # What the code does that protoc generates: the descriptors into the pool, then the classes into the module.
    module = ModuleType(name)
    descriptor = Default().AddSerializedFile(file.SerializeToString())
    module.__dict__["DESCRIPTOR"] = descriptor
    builder.BuildMessageAndEnumDescriptors(descriptor, module.__dict__)
    builder.BuildTopDescriptorsAndMessages(descriptor, name, module.__dict__)
    return module
