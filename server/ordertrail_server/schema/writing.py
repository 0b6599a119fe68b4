"""Write public events as stored bytes: the inverse of the last hop of reading."""

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import Message

from ordertrail.log.v1.record_pb2 import Cause, Record
from ordertrail_server.schema.cases import cases, message_class, message_of
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Hop
from ordertrail_server.schema.hops.compiler import only_parses
from ordertrail_server.schema.registry import PUBLIC, Event, Statement
from ordertrail_server.schema.wire import bytes_tag, chunk

_Write = Callable[[Any], bytes]


def _writer(hop: Hop) -> _Write:
    if hop.plan is not None and only_parses(hop.plan):
        return lambda event: bytes(event.SerializeToString())
    read_into, kind = compile_hop(hop), message_class(hop.new)

    def write(event: Message) -> bytes:
        stored = kind()
        read_into(event, stored)
        return stored.SerializeToString()

    return write


_NEWEST: Final[dict[type[Message], tuple[bytes, _Write]]] = {
    message_class(message_of(hop.public)): (bytes_tag(hop.case.number), _writer(hop.writes))
    for hop in PUBLIC.hops.values()
    if hop.writes is not None
}
_STATED_TAG: Final = {message_class(message_of(case)): bytes_tag(case.number) for case in cases()}
_NANOS = 1_000_000_000


def encode(event: Event) -> bytes:
    """Encode a public event as a field of `Record`, in the newest stored version."""
    tag, write = _NEWEST[type(event)]
    return chunk(tag, write(event))


def encode_statement(stated: Statement) -> bytes:
    """Encode a statement of an older producer as a field of `Record`, in its own version."""
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
    on_behalf_of: str = "",
    traceparent: str,
    chunk: bytes,
) -> bytes:
    """Return the serialized `Record`: the envelope, then `chunk`, the event from `encode` or `encode_statement`.

    `record_time_ns` counts nanoseconds since 1970-01-01 UTC. Empty text and bytes are left absent.
    """
    # Setting one field after another takes half the time of a constructor with nested messages.
    envelope = Record()
    envelope.event_id, envelope.order_id, envelope.order_version = event_id, order_id, order_version
    time, cause = envelope.record_time, envelope.cause
    time.seconds, time.nanos = divmod(record_time_ns, _NANOS)
    if previous:
        envelope.previous = previous
    if actor:
        envelope.actor = actor
    if on_behalf_of:
        envelope.on_behalf_of = on_behalf_of
    if traceparent:
        envelope.traceparent = traceparent
    _set_cause(cause, request_id, command_digest, origin)
    return envelope.SerializeToString() + chunk


def _set_cause(cause: Cause, request_id: str, command_digest: bytes, origin: str) -> None:
    cause.SetInParent()
    if request_id:
        cause.request_id = request_id
    if command_digest:
        cause.command_digest = command_digest
    if origin:
        cause.origin = origin
