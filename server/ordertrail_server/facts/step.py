"""The one fold step: judges a message of the log, reads its event, and evolves its order.

Command side, projector, retry, `tail`, ExplainEvent and audit all use it, so they agree on every record. Its twin for
programs that read a topic is `ordertrail.chain` in the client package.
"""

from typing import NamedTuple

from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER, Logged
from ordertrail_server.orders.aggregate import Aggregate, advance, park_broken
from ordertrail_server.orders.chain import LinksAt, Verdict, judge
from ordertrail_server.schema.reading import Reading, read

BARRIER_FAULT = "a server appended it to find the end of the partition"
UNREADABLE = "its value is not a readable record"
WRONG_KEY = "its key is not the order id that it names"
WRONG_PARTITION = "its order belongs to another partition"


class Place(NamedTuple):
    """A partition of a log, and the log's number of partitions."""

    partition: int
    partitions: int


class Judged(NamedTuple):
    """A message with its verdict.

    `reading` is None if the message is not a readable record. `detail` states why it is not a link of its order's
    chain; it is empty for a link.
    """

    verdict: Verdict
    reading: Reading | None
    detail: str = ""


class Step(NamedTuple):
    """A judged message, and its order before and after it."""

    judged: Judged
    before: Aggregate
    after: Aggregate


def step(logged: Logged, before: Aggregate, place: Place, links_at: LinksAt) -> Step:
    """Fold one message; `before` is the order that its key names, `links_at` returns the digests of older links.

    Total: it never raises, whatever the bytes of the message are.
    """
    judged = judge_message(logged, before, place, links_at)
    return Step(judged, before, fold_judged(before, judged, logged))


def judge_message(logged: Logged, head: Aggregate, place: Place, links_at: LinksAt) -> Judged:
    """Judge a message. Of `head`, the order that its key names, only `version` and `head` matter."""
    if (logged.key, logged.value) == BARRIER:
        return Judged(Verdict.BARRIER, None, BARRIER_FAULT)
    reading = read(logged.value)
    if reading is None:
        return Judged(Verdict.FOREIGN, None, UNREADABLE)
    event = reading.event
    if event.order_id != logged.key:
        return Judged(Verdict.FOREIGN, reading, WRONG_KEY)
    if place.partitions > 1 and partition_of(logged.key, place.partitions) != place.partition:
        return Judged(Verdict.FOREIGN, reading, WRONG_PARTITION)
    version = event.order_version
    verdict = judge(head.version, head.head, version, event.previous, reading.refusal is not None, links_at)
    if verdict is Verdict.FACT or verdict is Verdict.REFUSAL:
        return Judged(verdict, reading)
    return Judged(verdict, reading, f"it claims version {version}, but its order was at version {head.version}")


def fold_judged(before: Aggregate, judged: Judged, logged: Logged) -> Aggregate:
    """Return the order after a judged message."""
    verdict, reading = judged.verdict, judged.reading
    if verdict is Verdict.FACT and reading is not None:
        return advance(before, reading.event, reading.fault, logged.digest)
    if verdict is Verdict.REFUSAL:
        return before._replace(head=logged.digest)
    return park_broken(before, logged.offset) if verdict is Verdict.BROKEN else before
