"""The part of a fact that the state store keeps for ever."""

from typing import NamedTuple

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.times import nanoseconds


class Fact(NamedTuple):
    """The data of a fact that are needed to judge late records and to answer retries.

    `time` is the record time in nanoseconds since 1970, as folded: within an order it never goes back.
    """

    version: int
    digest: bytes
    request_id: str
    command_digest: bytes
    offset: int
    time: int


def fact_of(event: HistoryEvent, after: Aggregate, digest: bytes, offset: int) -> Fact:
    """Return the fact of an event that led to `after`. A fact of a parked order has the time of its record."""
    time = event.record_time if after.order is None or after.parked else after.order.update_time
    cause = event.cause
    return Fact(event.order_version, digest, cause.request_id, cause.command_digest, offset, nanoseconds(time))
