"""Attempts: commands on their way to the writer, and its answers."""

from asyncio import Future
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.decide import Command
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.schema.reading import Reading


class Fact(NamedTuple):
    """The part of every fact that the state keeps for ever, to judge late records and to answer retries.

    `time` is the record time in nanoseconds since 1970, as folded: within an order it never goes back.
    """

    version: int
    digest: bytes
    request_id: str
    command_digest: bytes
    offset: int
    time: int


def fact_of(event: HistoryEvent, after: Aggregate, digest: bytes, offset: int) -> Fact:
    """Return the kept part of a fact that led to `after`; the time of a parked order's fact is its record's."""
    time = event.record_time if after.order is None or after.parked else after.order.update_time
    cause = event.cause
    return Fact(event.order_version, digest, cause.request_id, cause.command_digest, offset, nanoseconds(time))


class Accepted(NamedTuple):
    """The command led to `fact`. `record` is (reading, stored bytes) if it was written just now, None if `replayed`."""

    fact: Fact
    replayed: bool
    record: tuple[Reading, bytes] | None


class Preview(NamedTuple):
    """The fact that a command sent with validate_only would lead to."""

    reading: Reading


Answer = Accepted | Preview | Refusal


@dataclass(slots=True, eq=False)
class Attempt:
    """One command of one caller, waiting for its answer.

    `digest` is the command's digest. `chunk` is the stored form of the event if the command brings its own (an
    imported statement). `batched` is true if the command came in a batch. `new_order` is true if the server has just
    generated the order id, so no log can hold the order. `written` is the digest of the record last appended for
    the attempt. `deadline` is the moment, by the monotonic clock, after which an answer may be too late for its caller.
    """

    order_id: str
    request_id: str
    command: Command
    digest: bytes
    answer: Future[Answer]
    expected_version: int | None = None
    validate_only: bool = False
    actor: str = ""
    traceparent: str = ""
    origin: str = ""
    chunk: bytes = b""
    new_order: bool = False
    batched: bool = False
    written: bytes = b""
    deadline: float = inf
