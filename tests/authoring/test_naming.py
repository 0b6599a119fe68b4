"""A printed type means what was meant, whatever else is called the same."""

from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from hypothesis import given, settings, strategies as st
from tests.authoring.shop import compiled, write

from ordertrail_server.authoring.file_text import header
from ordertrail_server.authoring.type_declaration import declarations_in
from ordertrail_server.authoring.type_text import TypeText

PACKAGE, FILE = "a.b.v3", "a/b/v3/events.proto"
# Few names, some of them those of packages, so that they hide one another.
NAMES = ("a", "b", "v3", "C")


@st.composite
def files(draw: st.DrawFn) -> FileDescriptorProto:
    """Files of messages within messages, each with a field of every type that there is."""
    file = FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto3", message_type=draw(_messages(2)))
    declared = list(declarations_in(file))
    for one in declared:
        assert isinstance(one.proto, DescriptorProto)
        one.proto.field.extend(_field(number, used.name) for number, used in enumerate(declared, 1))
    return file


def _messages(depth: int) -> st.SearchStrategy[list[DescriptorProto]]:
    nested = _messages(depth - 1) if depth else st.just([])
    one = st.builds(lambda name, inner: DescriptorProto(name=name, nested_type=inner), st.sampled_from(NAMES), nested)
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda message: message.name)


def _field(number: int, type_name: str) -> FieldDescriptorProto:
    return FieldDescriptorProto(
        name=f"f{number}",
        json_name=f"f{number}",
        number=number,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".{type_name}",
    )


@settings(max_examples=25)
@given(files())
def test_a_printed_type_is_called_so_that_the_compiler_takes_it_for_what_was_meant(file: FileDescriptorProto) -> None:
    names = {one.name for one in declarations_in(file)} | {"a", "a.b", PACKAGE}
    printer = TypeText(file, names)
    printed = [
        line
        for index, message in enumerate(file.message_type)
        for line in printer.of(message, (4, index), PACKAGE).lines
    ]
    with TemporaryDirectory() as folder:
        write(Path(folder, FILE), header(PACKAGE, file) + "\n".join(printed))
        (made,) = compiled(Path(folder)).file
    assert list(made.message_type) == list(file.message_type)
