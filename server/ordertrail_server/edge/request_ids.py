"""The ids in requests that log lines name. Other fields may hold personal data or secrets."""

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from ordertrail_server.edge.validation import COMMAND_BYTES

IDS = ("request_id", "order_id", "command_id")


def read_ids(message: Message) -> dict[str, str]:
    """Return the ids of a request that are not empty."""
    fields = message.DESCRIPTOR.fields_by_name
    return {name: value for name in IDS if name in fields and (value := getattr(message, name))}


def parse_small(kind: Descriptor, raw: bytes) -> Message | None:
    """Return a serialized message; None if it is none, or longer than a command may be."""
    if len(raw) > COMMAND_BYTES:
        return None
    try:
        return GetMessageClass(kind).FromString(raw)
    except DecodeError:
        return None
