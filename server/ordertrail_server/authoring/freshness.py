"""Whether the generated code is what the protos say: whoever edits a proto and does not generate checks the old one."""

from importlib import import_module

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet


def stale_files(image: bytes) -> list[str]:
    """Return the files of a tree, as `build` returned it, below ordertrail/ that the generated code has otherwise."""
    files = FileDescriptorSet.FromString(image).file
    ours = [file for file in files if file.name.startswith("ordertrail/")]
    generated_files = {
        file.name: generated_file(file.name) for file in ours
    }  # all first: some declare the options that others have
    return [file.name for file in ours if normalize(file) != generated_files[file.name]]


def generated_file(name: str) -> FileDescriptorProto | None:
    """Return what the generated code of a proto says, None if there is none."""
    try:
        module = import_module(f"{name.removesuffix('.proto').replace('/', '.')}_pb2")
    except ModuleNotFoundError:
        return None
    return normalize(FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb))


def normalize(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file without what is said twice or not at all: buf fills in json_name, which protoc does not.

    Read again, options are known as such and no longer compared as bytes, which the two write in different orders.
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
