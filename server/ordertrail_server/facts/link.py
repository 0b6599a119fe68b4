"""The part of a link that is kept for ever: it judges late records, and answers retries with receipts."""

from hashlib import sha256
from typing import NamedTuple

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.times import nanoseconds


class Link(NamedTuple):
    """A link of an order's chain.

    `request` is the key of its request id. `time` is the record time in nanoseconds since 1970 as folded, because
    within an order time never goes back; None if that is the time of the record itself.
    """

    version: int
    digest: bytes
    request: bytes
    command_digest: bytes
    offset: int
    time: int | None
    is_refusal: bool


def request_key(request_id: str) -> bytes:
    """Return the key of a request id: the first 16 bytes of its SHA-256."""
    return sha256(request_id.encode()).digest()[:16]


def link_of(event: HistoryEvent, after: Aggregate, digest: bytes, offset: int, is_refusal: bool = False) -> Link:
    """Return the link that a record is; `after` is its order after it. A waiting fact has the time of its record."""
    cause, time = event.cause, None
    if not is_refusal and after.order is not None and not after.parked:
        folded, own = after.order.update_time, event.record_time
        if folded.seconds != own.seconds or folded.nanos != own.nanos:
            time = nanoseconds(folded)
    key = request_key(cause.request_id)
    return Link(event.order_version, digest, key, cause.command_digest, offset, time, is_refusal)
