"""Messages as JSON for people to read, for any content."""

from typing import Any

from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.message import Message
from google.protobuf.text_format import MessageToString


def to_json_value(message: Message) -> Any:
    """Return a message as JSON values, or as one text if JSON cannot express it (a time after the year 9999)."""
    try:
        return MessageToDict(message, preserving_proto_field_name=True)
    except (Error, ValueError):
        return MessageToString(message, as_one_line=True, as_utf8=True)
