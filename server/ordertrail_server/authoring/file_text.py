"""Text of the proto files of a new version, not yet formatted."""

import re
from collections.abc import Iterator, Mapping

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

from ordertrail_server.authoring.event_copy import EventCopy, fields_in
from ordertrail_server.authoring.event_versions import Case, version_of
from ordertrail_server.authoring.rules import MESSAGE_RULES
from ordertrail_server.authoring.source_text import SourceText, comment_lines
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_copy import TypeCopy
from ordertrail_server.authoring.type_declaration import location_of

FILE_OPTIONS, ONEOFS = 8, 8  # the numbers of fields of FileDescriptorProto and DescriptorProto in source paths


def header(before: FileDescriptorProto, package: str, source: SourceText) -> str:
    """Return the head of a package's file, with the options of another version's file.

    Option values that name that version, such as `go_package`, name the new one instead.
    """
    old_version = re.compile(rf"(?<=[vV]){version_of(before.package)}(?!\d)")
    statements = (source.text[slice(*span)].partition(" = ") for span in source.spans((FILE_OPTIONS,)))
    options = [f"{name} = {old_version.sub(str(version_of(package)), value)}" for name, _, value in statements]
    return "\n".join(['syntax = "proto3";', "", f"package {package};", "", *options]) + "\n"


def add_copies(text: str, file: str, tree: Tree, copying: EventCopy, sources: Mapping[str, SourceText]) -> str:
    """Return the text of a file (or only its head) with the copies and their imports added."""
    imports = sorted(_missing_imports(file, tree, copying))
    copies = [TypeCopy(tree, copying, sources[original.file.name]).text(original) for original in copying.originals]
    # buf's formatter moves imports to the top.
    return "\n\n".join([text, *map(_import, imports), *copies]) + "\n"


def add_case(source: SourceText, before: Case, case: str, file: str) -> str:
    """Return the text of `Record`'s file with a new last case, and the import of its message's file.

    `case` is the new field without its comment. It gets the comment of the case before.
    """
    record = before.record
    brace = source.spans((*record.path, ONEOFS, before.field.oneof_index))[0].end - len("}")
    comment = comment_lines(location_of(record.file, before.path).leading_comments)
    text = "\n".join([source.text[:brace].rstrip(), *comment, case, source.text[brace:]])
    return text if file in record.file.dependency else f"{text}\n{_import(file)}\n"


def _import(file: str) -> str:
    return f'import "{file}";'


def _missing_imports(file: str, tree: Tree, copying: EventCopy) -> set[str]:
    before = tree.files.get(file)
    options: list[Message] = [original.proto for original in copying.originals]
    if not before:
        options.append(copying.event.file.options)
    used = {*_files_of_types(tree, copying), *(name for message in options for name in _files_of_options(message))}
    used.add(tree.extension(MESSAGE_RULES).file.name)  # type: ignore[attr-defined]  # its stubs lack `file`
    return used - {file, *(before.dependency if before else ())}


def _files_of_types(tree: Tree, copying: EventCopy) -> set[str]:
    fields = [field for original in copying.originals for field in fields_in(original.proto) if field.type_name]
    names = {copying.rename(field.type_name)[1:] for field in fields}
    return {tree.types[name].file.name for name in names if name in tree.types}


def _files_of_options(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.is_extension:
            yield field.file.name  # type: ignore[attr-defined]  # its stubs lack `file`
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for element in value if field.is_repeated else [value]:
                yield from _files_of_options(element)
