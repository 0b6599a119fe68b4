"""A record that is decided and sealed, but not yet appended: a fact, or the refusal of a submitted command."""

from typing import NamedTuple

from ordertrail_server.commands.attempt import Accepted, Attempt
from ordertrail_server.commands.command_refusal import is_in_scope
from ordertrail_server.commands.recorded_refusal import encode_refusal
from ordertrail_server.facts.link import Link, request_key
from ordertrail_server.log.port import Entry, Logged
from ordertrail_server.orders.aggregate import Aggregate, advance
from ordertrail_server.orders.chain import digest
from ordertrail_server.orders.decide import Event
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.schema.writing import encode, seal


class PlannedRecord(NamedTuple):
    """A record about to be appended. Its `link` has no offset yet; `step` is the order before and after it.

    `refusal` is the answer to the command if the record is a refusal.
    """

    entry: Entry
    reading: Reading
    link: Link
    step: tuple[Aggregate, Aggregate]
    refusal: Refusal | None = None

    @property
    def request_id(self) -> str:
        """The request id with which the record is found."""
        return self.reading.event.cause.request_id

    def logged_at(self, offset: int) -> Logged:
        """Return the record once it is on the log."""
        return Logged(offset, self.entry.key, self.entry.value, self.link.digest)

    def link_at(self, offset: int) -> Link:
        """Return the link that the record is at an offset. Takes a third of the time of `_replace`."""
        version, digest, request, command_digest, _, time, is_refusal = self.link
        return Link(version, digest, request, command_digest, offset, time, is_refusal)

    def answer(self, link: Link, replayed: bool) -> Accepted | Refusal:
        """Return the answer to the command once the record is `link`."""
        return self.refusal or Accepted(link, replayed, (self.reading, self.entry.value))


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
        on_behalf_of=attempt.on_behalf_of,
        traceparent=attempt.traceparent,
        chunk=attempt.chunk or encode(event),
    )
    planned = _read_back(attempt, before, value)
    if planned.step[1].parked:
        raise AssertionError(f"a decision led to an event that cannot be folded: {planned.step[1].parked}")
    return planned


def plan_refusal(
    attempt: Attempt, before: Aggregate, refusal: Refusal, event_id: str, record_time_ns: int
) -> PlannedRecord:
    """Seal the refusal of a submitted command; `before` is the order that it was decided on."""
    is_public = is_in_scope(attempt.scope, before) or not attempt.private_request_id
    value = seal(
        event_id=event_id,
        order_id=attempt.order_id,
        order_version=before.version,
        previous=before.head,
        record_time_ns=record_time_ns,
        request_id=attempt.request_id if is_public else attempt.private_request_id,
        command_digest=attempt.digest,
        origin=attempt.origin,
        actor=attempt.actor,
        on_behalf_of=attempt.on_behalf_of,
        traceparent=attempt.traceparent,
        chunk=encode_refusal(refusal),
    )
    return _read_back(attempt, before, value)._replace(refusal=refusal)


def _read_back(attempt: Attempt, before: Aggregate, value: bytes) -> PlannedRecord:
    """Read the sealed record as every fold will, so that none is appended that would park its order."""
    reading = read(value)
    if reading is None or reading.fault:
        raise AssertionError(f"a record that was just sealed cannot be read: {reading}")
    record_digest, is_refusal = digest(value), reading.refusal is not None
    version, request = reading.event.order_version, request_key(reading.event.cause.request_id)
    # The record has the time of the fold, because the writer gave it at least the time of its predecessor.
    link = Link(version, record_digest, request, attempt.digest, -1, None, is_refusal)
    if is_refusal:
        after = before._replace(head=record_digest)
    else:
        after = advance(before, reading.event, reading.fault, record_digest)
    return PlannedRecord(Entry(attempt.order_id, value), reading, link, (before, after))
