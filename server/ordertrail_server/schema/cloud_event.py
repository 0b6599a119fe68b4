"""Records, submitted commands and public events as CloudEvents 1.0: the headers of Kafka messages, and attributes.

The source of the names: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from datetime import UTC, datetime
from functools import lru_cache

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.log.v1.submitted_command_pb2 import SubmittedCommand
from ordertrail.v1.history_event_pb2 import HistoryEvent

Headers = list[tuple[str, str | bytes | None]]

SOURCE = "/ordertrail"
CONTENT_TYPE = "application/protobuf"

_TYPES = {
    field.name: field.message_type.full_name
    for field in Record.DESCRIPTOR.oneofs_by_name["event"].fields
    if field.message_type is not None
}
_PUBLIC_TYPES = {
    field.name: field.message_type.full_name
    for field in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields
    if field.message_type is not None
}


def headers_of(value: bytes) -> Headers:
    """Return the headers of a Kafka message with this value. A header is omitted if the record lacks its value.

    A value that is not a record of an order has no headers, because headers only repeat the record.
    """
    try:
        record = Record.FromString(value)
    except DecodeError:
        return []
    if not record.order_id:
        return []
    event_type = _TYPES.get(record.WhichOneof("event") or "", Record.DESCRIPTOR.full_name)
    time = record.record_time if record.HasField("record_time") else None
    return _headers(record.event_id, event_type, record.order_id, time, record.traceparent)


def command_headers_of(value: bytes) -> Headers:
    """Return the headers of a Kafka message with this submitted command, by the same rules as `headers_of`."""
    try:
        command = SubmittedCommand.FromString(value)
    except DecodeError:
        return []
    if not command.order_id:
        return []
    time = command.submit_time if command.HasField("submit_time") else None
    return _headers(command.command_id, command.DESCRIPTOR.full_name, command.order_id, time, command.traceparent)


def public_attributes(event: HistoryEvent) -> dict[str, str]:
    """Return the attributes of a public event. They are those of its record, but the type is that of the public event.

    So the type does not change when the event gets a new stored version.
    """
    event_type = _PUBLIC_TYPES.get(event.WhichOneof("event") or "", HistoryEvent.DESCRIPTOR.full_name)
    time = event.record_time if event.HasField("record_time") else None
    headers = _headers(event.event_id, event_type, event.order_id, time, event.traceparent)
    return {name.removeprefix("ce_"): str(value) for name, value in headers if name != "content-type"}


def _headers(message_id: str, message_type: str, order_id: str, time: Timestamp | None, traceparent: str) -> Headers:
    headers: Headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", message_id),
        ("ce_source", SOURCE),
        ("ce_type", message_type),
        ("ce_subject", order_id),
        ("content-type", CONTENT_TYPE),
    ]
    if time is not None and (text := _time(time)):
        headers.append(("ce_time", text))
    if traceparent:
        headers.append(("traceparent", traceparent))
    return headers


def _time(stamp: Timestamp) -> str:
    """Return the time in RFC 3339 format; empty if it is outside of the years 1 to 9999."""
    try:
        return f"{_second(stamp.seconds)}.{stamp.nanos:09d}Z"
    except (OSError, OverflowError, ValueError):
        return ""


@lru_cache(16)
def _second(seconds: int) -> str:
    # Cached, because protobuf's own formatting takes longer than everything else here.
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
