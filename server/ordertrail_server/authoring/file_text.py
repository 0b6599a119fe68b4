"""Text of the proto files of a new version, not yet formatted."""

import re
from collections.abc import Iterator, Set

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

from ordertrail_server.authoring.event_copy import EventCopy, fields_in
from ordertrail_server.authoring.event_versions import Case, version_of
from ordertrail_server.authoring.option_text import settings
from ordertrail_server.authoring.statement import SourceComments, comment_lines
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import TypeDeclaration, TypeProto
from ordertrail_server.authoring.type_text import ONEOFS, TypeText

IMPORTS = 3  # the number of FileDescriptorProto's field, of which a source path is made
IMPORTED = re.compile(r'^import "(.+)";$', re.MULTILINE)


def header(package: str, before: FileDescriptorProto) -> str:
    """Return the head of a package's file, with the imports and options of another version's file.

    Option values that name that version, such as `go_package`, name the new one instead.
    """
    old_version = re.compile(rf"(?<=[vV]){version_of(before.package)}(?!\d)")
    option_parts = (text.partition(" = ") for _, text in settings(before.options))
    options = [
        f"option {name} = {old_version.sub(str(version_of(package)), value)};" for name, _, value in option_parts
    ]
    imports = map(_import, sorted(set(_files_of_options(before.options))))
    return "\n".join(['syntax = "proto3";', "", f"package {package};", "", *imports, "", *options])


def add_copies(text: str, file: str, tree: Tree, copying: EventCopy, package: str) -> str:
    """Return the text of a file (or only its head) with the copies and their imports added."""
    existing_imports = set(tree.files[file].dependency if file in tree.files else IMPORTED.findall(text))
    imports = sorted(_imported(tree, copying) - existing_imports - {file})
    names = tree.names | copying.names | {package}
    types = [_text(declaration, proto, package, names) for declaration, proto in copying.copies.values()]
    # buf's formatter moves imports to the top.
    return "\n\n".join([text.rstrip("\n"), "\n".join(map(_import, imports)), *types]) + "\n"


def add_case(text: str, before: Case, case: str, file: str) -> str:
    """Return the text of `Record`'s file with a new last case, and the import of its message's file.

    The text is formatted, so the end of the oneof has a line of its own. `case` is the new field without its comment,
    which is that of the case before.
    """
    source, lines = before.record.file, text.split("\n")
    comments = SourceComments(source)
    _, end = comments.lines((*before.record.path, ONEOFS, before.field.oneof_index))
    comment = comments.at(before.path)
    lines[end:end] = [*comment_lines(comment.leading_comments if comment else ""), case]
    if file not in source.dependency:
        _, last = comments.lines((IMPORTS, len(source.dependency) - 1))
        lines.insert(last + 1, _import(file))
    return "\n".join(lines)


def _text(declaration: TypeDeclaration, proto: TypeProto, package: str, names: Set[str]) -> str:
    return "\n".join(TypeText(declaration.file, names).of(proto, declaration.path, package).lines)


def _import(file: str) -> str:
    return f'import "{file}";'


def _imported(tree: Tree, copying: EventCopy) -> set[str]:
    protos = [proto for _, proto in copying.copies.values()]
    used = {field.type_name[1:] for proto in protos for field in fields_in(proto) if field.type_name}
    # A name without a type is not imported; the compiler reports it.
    files = {tree.types[name].file.name for name in used - copying.names if name in tree.types}
    return files | {file for proto in protos for file in _files_of_options(proto)}


def _files_of_options(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.is_extension:
            yield field.file.name  # type: ignore[attr-defined]  # which its stubs leave out
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for element in value if field.is_repeated else [value]:
                yield from _files_of_options(element)
