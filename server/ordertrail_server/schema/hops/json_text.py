"""Messages as JSON for people to read, whatever they hold."""

from typing import Any

from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.message import Message
from google.protobuf.text_format import MessageToString


def to_json_value(message: Message) -> Any:
    """Return a message as values of JSON; as one text where JSON cannot say it, such as a time past the year 9999."""
    try:
        return MessageToDict(message, preserving_proto_field_name=True)
    except (Error, ValueError):
        return MessageToString(message, as_one_line=True, as_utf8=True)
