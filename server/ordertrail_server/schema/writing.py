"""Public events to stored bytes: the inverse of the last step of reading."""

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.log.v1.record_pb2 import Cause, Record
from ordertrail_server.schema.registry import Event, Statement, cases, message_class, message_of, written_as
from ordertrail_server.schema.wire import bytes_tag, chunk

_NEWEST_TAG = {message_class(message_of(public)): bytes_tag(case.number) for case, public in written_as()}
_STATED_TAG = {message_class(message_of(case)): bytes_tag(case.number) for case in cases()}
_NANOS = 1_000_000_000


def encode(event: Event) -> bytes:
    """Return a public event as it stands in a `Record`: the field of the newest version of its kind."""
    # The newest version has the public event's wire shape (see proof), so its bytes are the stored ones.
    return chunk(_NEWEST_TAG[type(event)], event.SerializeToString())


def encode_statement(stated: Statement) -> bytes:
    """Return what an older producer stated, in the version in which it said it, as it stands in a `Record`."""
    return chunk(_STATED_TAG[type(stated)], stated.SerializeToString())


def seal(
    *,
    event_id: str,
    order_id: str,
    order_version: int,
    previous: bytes,
    record_time_ns: int,
    request_id: str,
    command_digest: bytes,
    origin: str,
    actor: str,
    traceparent: str,
    chunk: bytes,
) -> bytes:
    """Return the serialized `Record`: the envelope, and the event as `encode` or `encode_statement` made it.

    `record_time_ns` counts nanoseconds since 1970-01-01 UTC. Empty text and bytes are left absent.
    """
    seconds, nanos = divmod(record_time_ns, _NANOS)
    envelope = Record(
        event_id=event_id,
        order_id=order_id,
        order_version=order_version,
        previous=previous or None,
        record_time=Timestamp(seconds=seconds, nanos=nanos),
        cause=Cause(request_id=request_id or None, command_digest=command_digest or None, origin=origin or None),
        actor=actor or None,
        traceparent=traceparent or None,
    )
    return envelope.SerializeToString() + chunk
