"""Messages and enums as proto text, from their descriptors and comments."""

from collections.abc import Iterator, Sequence, Set
from typing import TypeAlias, cast

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

from ordertrail_server.authoring.field_text import field_text
from ordertrail_server.authoring.option_text import settings
from ordertrail_server.authoring.statement import SourceComments, Statement, join_statements, statement
from ordertrail_server.authoring.type_declaration import (
    FIELDS,
    NESTED_ENUMS,
    NESTED_MESSAGES,
    SourcePath,
    TypeProto,
    is_message,
)

Range: TypeAlias = DescriptorProto.ReservedRange | EnumDescriptorProto.EnumReservedRange

# The numbers of fields of DescriptorProto, EnumDescriptorProto and OneofDescriptorProto, as source paths have them.
MESSAGE_OPTIONS, ONEOFS, RANGES, RESERVED_NAMES = 7, 8, 9, 10
VALUES, ENUM_OPTIONS, ENUM_RANGES, ENUM_RESERVED_NAMES = 2, 3, 4, 5
ONEOF_OPTIONS = 2
MAX_FIELD, MAX_VALUE = 2**29 - 1, 2**31 - 1


class TypeText:
    """Prints types of one file. `names` has the full names of all types and packages that the text can refer to."""

    def __init__(self, file: FileDescriptorProto, names: Set[str]) -> None:
        self._comments, self._names = SourceComments(file), names

    def of(self, proto: TypeProto, path: SourcePath, scope: str) -> Statement:
        """Return the text of a type that is declared in `scope`, with the comments at `path`."""
        if is_message(proto):
            return self._message(proto, path, f"{scope}.{proto.name}")
        return self._enum(cast(EnumDescriptorProto, proto), path)

    def _message(self, message: DescriptorProto, path: SourcePath, name: str) -> Statement:
        parts = [
            *self._options(message.options, (*path, MESSAGE_OPTIONS)),
            *self._fields(message, path, name),
            *self._reserved(message.reserved_range, (*path, RANGES), past_the_end=1, limit=MAX_FIELD),
            *self._reserved_names(message.reserved_name, (*path, RESERVED_NAMES)),
            *self._nested(message, path, name),
        ]
        return statement(self._comments.at(path), f"message {message.name} {{", join_statements(parts))

    def _nested(self, message: DescriptorProto, path: SourcePath, name: str) -> Iterator[Statement]:
        for index, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                yield self._message(nested, (*path, NESTED_MESSAGES, index), f"{name}.{nested.name}")
        for index, enum in enumerate(message.enum_type):
            yield self._enum(enum, (*path, NESTED_ENUMS, index))

    def _fields(self, message: DescriptorProto, path: SourcePath, name: str) -> Iterator[Statement]:
        maps = {f"{name}.{entry.name}": entry for entry in message.nested_type if entry.options.map_entry}
        in_oneofs: dict[int, list[Statement]] = {}
        for index, field in enumerate(message.field):
            text = field_text(field, name, maps, self._names)
            field_statement = statement(self._comments.at((*path, FIELDS, index)), text)
            if field.HasField("oneof_index") and not field.proto3_optional:
                in_oneofs.setdefault(field.oneof_index, []).append(field_statement)
            else:
                yield field_statement
        for index, fields in in_oneofs.items():
            oneof, where = message.oneof_decl[index], (*path, ONEOFS, index)
            parts = [*self._options(oneof.options, (*where, ONEOF_OPTIONS)), *fields]
            yield statement(self._comments.at(where), f"oneof {oneof.name} {{", join_statements(parts))

    def _enum(self, enum: EnumDescriptorProto, path: SourcePath) -> Statement:
        parts = [
            *self._options(enum.options, (*path, ENUM_OPTIONS)),
            *self._values(enum, path),
            *self._reserved(enum.reserved_range, (*path, ENUM_RANGES), past_the_end=0, limit=MAX_VALUE),
            *self._reserved_names(enum.reserved_name, (*path, ENUM_RESERVED_NAMES)),
        ]
        return statement(self._comments.at(path), f"enum {enum.name} {{", join_statements(parts))

    def _values(self, enum: EnumDescriptorProto, path: SourcePath) -> Iterator[Statement]:
        for index, value in enumerate(enum.value):
            option_texts = ", ".join(setting.text for setting in settings(value.options))
            options = f" [{option_texts}]" if option_texts else ""
            yield statement(self._comments.at((*path, VALUES, index)), f"{value.name} = {value.number}{options};")

    def _options(self, options: Message, path: SourcePath) -> Iterator[Statement]:
        first_statements: dict[int, Statement] = {}
        for number, text in settings(options):
            line = f"option {text};"
            if number in first_statements:  # keep the values of one option together, in order
                yield first_statements[number]._replace(lines=[line])
            else:
                first_statements[number] = statement(self._comments.below((*path, number)), line)
                yield first_statements[number]

    def _reserved(
        self, ranges: Sequence[Range], path: SourcePath, *, past_the_end: int, limit: int
    ) -> Iterator[Statement]:
        texts = {index: _range(item.start, item.end - past_the_end, limit) for index, item in enumerate(ranges)}
        yield from self._lists(texts, path)

    def _reserved_names(self, names: Sequence[str], path: SourcePath) -> Iterator[Statement]:
        yield from self._lists({index: f'"{name}"' for index, name in enumerate(names)}, path)

    def _lists(self, texts: dict[int, str], path: SourcePath) -> Iterator[Statement]:
        # The entries of one line are one statement. The compiler keeps only the comments of the first entry.
        lines: dict[int, list[int]] = {}
        for index in texts:
            location = self._comments.at((*path, index))
            lines.setdefault(location.span[0] if location else 0, []).append(index)
        whole = self._comments.at(path)
        for line, indexes in lines.items():
            text = f"reserved {', '.join(texts[index] for index in indexes)};"
            first = whole is not None and whole.span[0] == line
            yield statement(whole if first else self._comments.at((*path, indexes[0])), text)


def _range(first: int, last: int, limit: int) -> str:
    if first == last:
        return str(first)
    return f"{first} to {'max' if last == limit else last}"
