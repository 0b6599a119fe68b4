"""The serialized messages in rows of the server's own projections as text, so that a finding shows what differs."""

import json
from collections.abc import Callable
from typing import Any

from google.protobuf.json_format import Error as JsonError, MessageToDict
from google.protobuf.message import DecodeError, Message

from ordertrail.v1.order_history_service_pb2 import ListOrderEventsResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.projections.catalog import HISTORY, ORDERS

LONGEST = 400
"""The longest text of a message in characters."""


def _parse_frame(frame: bytes) -> Message:
    """Return the event of a frame, which is one element of the repeated field 1 of a response."""
    [event] = ListOrderEventsResponse.FromString(frame).events
    return event


PARSERS: dict[tuple[str, str], Callable[[bytes], Message]] = {
    (ORDERS, "state"): Order.FromString,
    (HISTORY, "frame"): _parse_frame,
}
"""{projection and column: the parser of its messages}."""


def describe_message(projection: str, column: str, value: Any, compared_value: Any) -> str:
    """Return the fields of a message that differ from those of another one, as JSON; empty if that cannot be done."""
    parse = PARSERS.get((projection, column))
    if parse is None or not isinstance(value, bytes) or not isinstance(compared_value, bytes):
        return ""
    try:
        fields, compared_fields = MessageToDict(parse(value)), MessageToDict(parse(compared_value))
    except (DecodeError, JsonError, ValueError):  # other bytes, or a time for which JSON has no text
        return ""
    if fields == compared_fields:  # they differ in fields that this release does not know
        return ""
    differing = {name: field for name, field in fields.items() if compared_fields.get(name) != field}
    text = json.dumps(differing, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
