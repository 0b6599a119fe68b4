"""A record as a CloudEvent 1.0 in binary mode: its attributes, for the headers of a Kafka message.

The source of the names: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from datetime import UTC, datetime
from functools import lru_cache

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.log.v1.record_pb2 import Record

SOURCE = "/ordertrail"
CONTENT_TYPE = "application/protobuf"

_TYPES = {
    field.name: field.message_type.full_name
    for field in Record.DESCRIPTOR.oneofs_by_name["event"].fields
    if field.message_type is not None
}


def headers_of(value: bytes) -> list[tuple[str, str | bytes | None]]:
    """Return the headers of a Kafka message with this value. A header is omitted if the record lacks its value.

    A value that is not a record of an order has no headers, because headers only repeat the record.
    """
    try:
        record = Record.FromString(value)
    except DecodeError:
        return []
    if not record.order_id:
        return []
    headers: list[tuple[str, str | bytes | None]] = [
        ("ce_specversion", "1.0"),
        ("ce_id", record.event_id),
        ("ce_source", SOURCE),
        ("ce_type", _TYPES.get(record.WhichOneof("event") or "", Record.DESCRIPTOR.full_name)),
        ("ce_subject", record.order_id),
        ("content-type", CONTENT_TYPE),
    ]
    if record.HasField("record_time") and (time := _time(record.record_time)):
        headers.append(("ce_time", time))
    if record.traceparent:
        headers.append(("traceparent", record.traceparent))
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
