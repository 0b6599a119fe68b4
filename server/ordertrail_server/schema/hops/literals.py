"""Literals of rules, parsed as values of their fields."""

import json
from typing import Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message_factory import GetMessageClass

_TEXT: Final = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_ENUM)


class InvalidLiteral(Exception):
    """A literal is not a value of its field. The text names the remedy."""


def parse_literal(field: FieldDescriptor, text: str) -> object:
    """Parse a literal: JSON of the field's type, strings without quotes. Raises InvalidLiteral."""
    message = field.containing_type
    if field.message_type is not None or field.is_repeated or message is None:
        raise InvalidLiteral(f"{field.full_name} cannot have a literal, which is one scalar value: use `absent`")
    if not field.has_presence:
        raise InvalidLiteral(f"{field.full_name} must be optional to have a literal")
    try:
        value = text if field.type in _TEXT else json.loads(text)
        if value is None:
            raise ValueError(text)
        holder = ParseDict({field.name: value}, GetMessageClass(message)())
    except (ValueError, ParseError):
        raise InvalidLiteral(
            f"{field.full_name} has the literal {text}, which is not a value of its type: correct it"
        ) from None
    return getattr(holder, field.name)
