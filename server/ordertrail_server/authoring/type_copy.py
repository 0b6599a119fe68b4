"""The source text of a type, changed for a new version: without rules about predecessors, with renamed references."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from ordertrail_server.authoring.event_copy import EventCopy
from ordertrail_server.authoring.rules import FIELD_RULES, MESSAGE_RULES, PUBLIC_RULES, rules_of
from ordertrail_server.authoring.source_text import Edit, SourceText, Span, comment_lines
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import FIELDS, SourcePath, TypeDeclaration, is_message, location_of

# The numbers of fields of DescriptorProto and FieldDescriptorProto, as used in source paths.
MESSAGE_NAME, MESSAGE_OPTIONS = 1, 7
FIELD_TYPE, FIELD_OPTIONS = 6, 8

COMMENTS_ABOVE = re.compile(r"(?:(?<=\n)[ \t]*//[^\n]*\n)*[ \t]*\Z")
COMMA_AND_COMMENT = re.compile(r"(?:\s*,)?(?:[ \t]*//[^\n]*)?\n?")
BODY_START = re.compile(r"\{(?!\})[^\n]*\n|\{")


class TypeCopy(NamedTuple):
    """Copies the types of one file. `source` is its formatted text."""

    tree: Tree
    copying: EventCopy
    source: SourceText

    def text(self, declaration: TypeDeclaration) -> str:
        """Return the text of the copy of a type, with the comments above the type."""
        edits = [edit for message in self._messages_within(declaration) for edit in self._edits(message)]
        location = location_of(declaration.file, declaration.path)
        detached = [line for text in location.leading_detached_comments for line in (*comment_lines(text), "")]
        body = self.source.edit(self.source.spans(declaration.path)[0], edits)
        return "\n".join([*detached, *comment_lines(location.leading_comments), body])

    def _messages_within(self, declaration: TypeDeclaration) -> list[TypeDeclaration]:
        in_file = [message for message in self.tree.types.values() if message.file is declaration.file]
        path = declaration.path
        return [message for message in in_file if message.path[: len(path)] == path and is_message(message.proto)]

    def _edits(self, message: TypeDeclaration) -> Iterator[Edit]:
        yield from self._message_rule_edits(message)
        assert is_message(message.proto)
        for index, field in enumerate(message.proto.field):
            path = (*message.path, FIELDS, index)
            for span in self.source.spans((*path, FIELD_TYPE)):
                yield Edit(span, self.copying.rename(self.source.text[slice(*span)]))
            yield from self._field_rule_edits(field, path)

    def _message_rule_edits(self, message: TypeDeclaration) -> Iterator[Edit]:
        path = (*message.path, MESSAGE_OPTIONS)
        rules = self.source.outermost_spans((*path, self.tree.extension(MESSAGE_RULES).number))
        statements = [
            span for span in self.source.spans(path) if any(span.start <= rule.start < span.end for rule in rules)
        ]
        edits = [Edit(self._with_comments(span), "") for span in statements]
        if message.name == self.copying.event.name:
            option = f'option ({MESSAGE_RULES}).from = "{message.name}";\n'
            edits[:1] = [Edit(edits[0].span, option) if edits else Edit(self._body_start(message), f"\n{option}\n")]
        yield from edits

    def _field_rule_edits(self, field: FieldDescriptorProto, path: SourcePath) -> Iterator[Edit]:
        number = self.tree.extension(FIELD_RULES).number
        for brackets in self.source.spans((*path, FIELD_OPTIONS)):
            rules = self.source.outermost_spans((*path, FIELD_OPTIONS, number))
            edits = [Edit(self._with_comments(span), "") for span in rules]
            if edits:
                public = self._public_rules(field)
                edits[0] = edits[0]._replace(text=", ".join([*public, ""]))
                text = self.source.edit(brackets, edits)
                yield Edit(brackets, text if text.strip("[], \n") else "")

    def _public_rules(self, field: FieldDescriptorProto) -> list[str]:
        values = rules_of(self.tree, field.options, FIELD_RULES).ListFields()
        return [
            f"({FIELD_RULES}).{rule.name} = {json.dumps(value)}" for rule, value in values if rule.name in PUBLIC_RULES
        ]

    def _with_comments(self, span: Span) -> Span:
        above = COMMENTS_ABOVE.search(self.source.text, 0, span.start)
        after = COMMA_AND_COMMENT.match(self.source.text, span.end)
        assert above
        assert after
        return Span(above.start(), after.end())

    def _body_start(self, message: TypeDeclaration) -> Span:
        name = self.source.spans((*message.path, MESSAGE_NAME))[0]
        match = BODY_START.search(self.source.text, name.end)
        assert match
        return Span(match.end(), match.end())
