"""Check that the generated code matches the protos. Otherwise a check would run on the state before an edit."""

from importlib import import_module

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet


def stale_files(image: bytes) -> list[str]:
    """Return the files below ordertrail/ whose generated code differs from `image`, which `build` returned."""
    files = FileDescriptorSet.FromString(image).file
    ours = [file for file in files if file.name.startswith("ordertrail/")]
    generated_files = {
        file.name: generated_file(file.name) for file in ours
    }  # load all first, because some declare options that others use
    return [file.name for file in ours if normalize(file) != generated_files[file.name]]


def generated_file(name: str) -> FileDescriptorProto | None:
    """Return the descriptor in the generated code of a proto, or None if there is none."""
    try:
        module = import_module(f"{name.removesuffix('.proto').replace('/', '.')}_pb2")
    except ModuleNotFoundError:
        return None
    return normalize(FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb))


def normalize(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file without source info and json_name, which only buf fills in.

    The file is parsed again, so that options compare by value: buf and protoc serialize them in different orders.
    """
    normalized = FileDescriptorProto.FromString(file.SerializeToString())
    normalized.ClearField("source_code_info")
    messages = list(normalized.message_type)
    while messages:
        message = messages.pop()
        messages.extend(message.nested_type)
        for field in [*message.field, *message.extension]:
            field.ClearField("json_name")
    for extension in normalized.extension:
        extension.ClearField("json_name")
    return normalized
