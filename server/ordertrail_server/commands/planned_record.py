"""A record that is decided and sealed, but not yet appended."""

from typing import NamedTuple

from ordertrail_server.commands.attempt import Accepted, Attempt
from ordertrail_server.facts.link import Link, request_key
from ordertrail_server.log.port import Entry, Logged
from ordertrail_server.orders.aggregate import Aggregate, advance
from ordertrail_server.orders.chain import digest
from ordertrail_server.orders.decide import Event
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.schema.writing import encode, seal


class PlannedRecord(NamedTuple):
    """A record about to be appended. Its `fact` has no offset yet; `step` is the order before and after it."""

    entry: Entry
    reading: Reading
    fact: Link
    step: tuple[Aggregate, Aggregate]

    def logged_at(self, offset: int) -> Logged:
        """Return the record once it is on the log."""
        return Logged(offset, self.entry.key, self.entry.value, self.fact.digest)

    def fact_at(self, offset: int) -> Link:
        """Return the fact that the record is at an offset. Takes a third of the time of `_replace`."""
        version, digest, request, command_digest, _, time, is_refusal = self.fact
        return Link(version, digest, request, command_digest, offset, time, is_refusal)

    def accept(self, fact: Link, replayed: bool) -> Accepted:
        """Return the answer once the record is `fact`."""
        return Accepted(fact, replayed, (self.reading, self.entry.value))


def plan_record(attempt: Attempt, before: Aggregate, event: Event, event_id: str, record_time_ns: int) -> PlannedRecord:
    """Seal the record of an event that an attempt led to; `before` is the order before it."""
    value = seal(
        event_id=event_id,
        order_id=attempt.order_id,
        order_version=before.version + 1,
        previous=before.head,
        record_time_ns=record_time_ns,
        request_id=attempt.request_id,
        command_digest=attempt.digest,
        origin=attempt.origin,
        actor=attempt.actor,
        traceparent=attempt.traceparent,
        chunk=attempt.chunk or encode(event),
    )
    return _read_back(attempt, before, value)


def _read_back(attempt: Attempt, before: Aggregate, value: bytes) -> PlannedRecord:
    """Read the sealed record as every fold will, so that none is appended that would park its order."""
    reading = read(value)
    if reading is None or reading.fault:
        raise AssertionError(f"a record that was just sealed cannot be read: {reading}")
    link = digest(value)
    request = request_key(attempt.request_id)
    # The record has the time of the fold, because the writer gave it at least the time of its predecessor.
    fact = Link(before.version + 1, link, request, attempt.digest, -1, None, False)
    after = advance(before, reading.event, reading.fault, link)
    if after.parked:
        raise AssertionError(f"a decision led to an event that cannot be folded: {after.parked}")
    return PlannedRecord(Entry(attempt.order_id, value), reading, fact, (before, after))
