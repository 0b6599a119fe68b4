"""The rows of the exported table `events`."""

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.time_text import time_text
from ordertrail_server.schema.message_json import message_json
from ordertrail_server.schema.wire import read_varint

Row = tuple[str | int | None, ...]
StoredEvent = tuple[int, str | None, int, bytes]
"""A row of the projection `history`: position, customer, record time and frame."""


def event_row(stored: StoredEvent) -> Row:
    """Return the row of an event."""
    position, customer_id, record_time, frame = stored
    event = HistoryEvent.FromString(_event_in(frame))
    case = event.WhichOneof("event")
    assert case is not None  # the projection holds events that this release knows
    return (
        event.order_id,
        event.order_version,
        *LogPosition.unpack(position),
        time_text(record_time),
        case.upper(),
        customer_id,
        event.actor or None,
        event.cause.request_id or None,
        event.digest.hex(),
        message_json(getattr(event, case)),
    )


def _event_in(frame: bytes) -> bytes:
    """Return the serialized event of a frame, which is the field 1 of a response."""
    _, begin = read_varint(frame, 1)
    return frame[begin:]
