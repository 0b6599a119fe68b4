"""A draft: the records that a batch of attempts would append, and its answers, decided before the append."""

from collections.abc import Callable
from typing import NamedTuple

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.commands.attempt import Accepted, Answer, Attempt, Fact, Preview
from ordertrail_server.commands.fold import Fold
from ordertrail_server.log.port import Entry
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate, advance
from ordertrail_server.orders.chain import digest
from ordertrail_server.orders.decide import Event, decide
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.schema.writing import encode, seal


class Draft:
    """Decides attempts one after another on the confirmed state and, where appends are atomic, on its own records.

    `chained` is true if a record may follow another one of the same draft, because both are appended or neither. If
    it is false, a second attempt on an order is deferred to the next draft. `size` is the size of all records in bytes.
    """

    def __init__(self, fold: Fold, chained: bool, now: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._fold, self._chained, self._now, self._new_id = fold, chained, now, new_id
        self._aggregates: dict[str, Aggregate] = {}
        self._receipts: dict[tuple[str, str], PlannedRecord] = {}
        self.planned: list[PlannedRecord] = []
        self.size = 0
        self.attempts: list[Attempt] = []
        self.outcomes: list[tuple[Attempt, Answer | PlannedRecord]] = []
        self.deferred: list[Attempt] = []

    @property
    def depends_on_end(self) -> bool:
        """True if an answer may be wrong if the log has records that are not folded yet. A receipt never is."""
        return not all(isinstance(outcome, Accepted | PlannedRecord) for _, outcome in self.outcomes)

    @property
    def entries(self) -> list[Entry]:
        """The entries to append."""
        return [planned.entry for planned in self.planned]

    def add(self, attempt: Attempt) -> None:
        """Decide one attempt: a record, an answer, or deferral."""
        if not self._chained and attempt.order_id in self._aggregates:
            self.deferred.append(attempt)
        else:
            self.outcomes.append((attempt, self._find_receipt(attempt) or self._decide(attempt)))
        self.attempts.append(attempt)

    def _find_receipt(self, attempt: Attempt) -> "Answer | PlannedRecord | None":
        if attempt.new_order:
            return None
        key = (attempt.order_id, attempt.request_id)
        planned = self._receipts.get(key)
        fact = planned.fact if planned else self._fold.receipt(*key)
        if fact is None:
            return None
        if fact.command_digest != attempt.digest:
            return _request_id_reused(attempt)
        return planned or Accepted(fact, fact.digest != attempt.written, None)

    def _decide(self, attempt: Attempt) -> "Answer | PlannedRecord":
        before = self._aggregate(attempt)
        if before.parked:
            return _order_parked(attempt, before)
        if _is_version_mismatch(attempt, before):
            return _version_mismatch(attempt, before)
        outcome = decide(before.order, attempt.command)
        if isinstance(outcome, Refusal):
            return outcome
        planned = self._seal(attempt, before, outcome)
        if attempt.validate_only:
            return Preview(planned.reading)
        # From now on the log may hold the order's record, so the order may no longer be new.
        attempt.written, attempt.new_order = planned.fact.digest, False
        self._aggregates[attempt.order_id] = planned.step[1]
        self._receipts[attempt.order_id, attempt.request_id] = planned
        self.planned.append(planned)
        self.size += len(planned.entry.value)
        return planned

    def _aggregate(self, attempt: Attempt) -> Aggregate:
        if attempt.new_order:
            return NO_ORDER
        return self._aggregates.get(attempt.order_id) or self._fold.aggregate(attempt.order_id)

    def _seal(self, attempt: Attempt, before: Aggregate, event: Event) -> "PlannedRecord":
        value = seal(
            event_id=self._new_id(),
            order_id=attempt.order_id,
            order_version=before.version + 1,
            previous=before.head,
            record_time_ns=self._record_time(before),
            request_id=attempt.request_id,
            command_digest=attempt.digest,
            origin=attempt.origin,
            actor=attempt.actor,
            traceparent=attempt.traceparent,
            chunk=attempt.chunk or encode(event),
        )
        return _plan(attempt, value, before)

    def _record_time(self, before: Aggregate) -> int:
        # The writer's clock may stop or go back, but a fact is never older than its predecessor.
        if before.order is None:
            return self._now()
        return max(self._now(), nanoseconds(before.order.update_time))


class PlannedRecord(NamedTuple):
    """A record about to be appended, with everything but its offset.

    `step` is the order before and after it.
    """

    entry: Entry
    reading: Reading
    fact: Fact
    step: tuple[Aggregate, Aggregate]

    def accept(self, offset: int, replayed: bool) -> Accepted:
        """Return the answer once the record is a fact at `offset`."""
        return Accepted(self.fact._replace(offset=offset), replayed, (self.reading, self.entry.value))


def _plan(attempt: Attempt, value: bytes, before: Aggregate) -> PlannedRecord:
    reading = read(value)
    if reading is None or reading.fault:
        raise AssertionError(f"a record just sealed cannot be read: {reading}")
    link = digest(value)
    time = nanoseconds(reading.event.record_time)
    fact = Fact(before.version + 1, link, attempt.request_id, attempt.digest, -1, time)
    after = advance(before, reading.event, reading.fault, link)
    if after.parked:
        raise AssertionError(f"a decision led to an event that cannot be folded: {after.parked}")
    return PlannedRecord(Entry(attempt.order_id, value), reading, fact, (before, after))


def _is_version_mismatch(attempt: Attempt, before: Aggregate) -> bool:
    expected = attempt.expected_version
    may_be_new = isinstance(attempt.command, PlaceOrderRequest | OrderPlaced)
    return expected is not None and expected != before.version and (before.version > 0 or may_be_new)


def _version_mismatch(attempt: Attempt, before: Aggregate) -> Refusal:
    return Refusal(
        reasons.ERROR_REASON_VERSION_MISMATCH,
        f"Order {attempt.order_id} has version {before.version}, not {attempt.expected_version} as expected.",
        order_id=attempt.order_id,
        facts={"expected": str(attempt.expected_version), "actual": str(before.version)},
    )


def _request_id_reused(attempt: Attempt) -> Refusal:
    return Refusal(
        reasons.ERROR_REASON_REQUEST_ID_REUSED,
        f"Request id {attempt.request_id} was used before on order {attempt.order_id}, with another command.",
        order_id=attempt.order_id,
        where="request_id",
    )


def _order_parked(attempt: Attempt, before: Aggregate) -> Refusal:
    return Refusal(
        reasons.ERROR_REASON_ORDER_PARKED,
        f"Order {attempt.order_id} is parked at version {before.version}: {before.parked}.",
        order_id=attempt.order_id,
        facts={"version": str(before.version)},
    )
