"""The plan of a batch: the records that it would append and the answers to its attempts, decided before the append."""

from collections.abc import Callable, Sequence

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.commands.attempt import Accepted, Answer, Attempt, Preview, RecordedRefusal
from ordertrail_server.commands.command_refusal import (
    is_in_scope,
    order_parked,
    refuse_hidden,
    request_id_reused,
    version_mismatch,
)
from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.orders_ahead import OrdersAhead
from ordertrail_server.commands.plan_times import PlanTimes
from ordertrail_server.commands.planned_record import PlannedRecord, plan_record, plan_refusal
from ordertrail_server.facts.link import Link
from ordertrail_server.log.port import Entry
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.orders.decide import Event, decide
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.orders.times import nanoseconds

Outcome = Answer | PlannedRecord | RecordedRefusal


class BatchPlan:
    """Decides attempts one after another on the confirmed state and, if appends are atomic, on its own records.

    `chained` is true if a record may follow another one of the same plan, because both are appended or neither. If
    it is false, a second attempt on an order is deferred to the next plan. `size` is the size of all records in bytes.
    """

    def __init__(self, fold: Fold, chained: bool, now: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._fold, self._chained, self._now, self._new_id = fold, chained, now, new_id
        self._orders = OrdersAhead(fold)
        self._aggregates: dict[str, Aggregate] = {}
        self._receipts: dict[tuple[str, str], PlannedRecord] = {}
        self.times = PlanTimes(now())
        self.records: list[PlannedRecord] = []
        self.size = 0
        self.attempts: list[Attempt] = []
        self.outcomes: list[tuple[Attempt, Outcome]] = []
        self.deferred: list[Attempt] = []

    @property
    def depends_on_end(self) -> bool:
        """True if the log must not have records that are not folded yet. A receipt is correct even then."""
        return not all(isinstance(outcome, Accepted | PlannedRecord | RecordedRefusal) for _, outcome in self.outcomes)

    @property
    def entries(self) -> list[Entry]:
        """The entries to append."""
        return [planned.entry for planned in self.records]

    def expect(self, attempts: Sequence[Attempt]) -> None:
        """Expect that these attempts are added next, in this sequence, so that their orders are read together."""
        self._orders.expect(attempts)

    def add(self, attempt: Attempt) -> None:
        """Decide one attempt: plan its record, answer it, or defer it."""
        if not self._chained and attempt.order_id in self._aggregates:
            self.deferred.append(attempt)
        else:
            # The state is read before the receipt. Otherwise the projection could take in the command's own record in
            # between, and the command would be decided again on a state that includes it.
            before = self._aggregate(attempt)
            self.outcomes.append((attempt, self._find_outcome(attempt, before)))
        attempt.plan_times = self.times
        self.attempts.append(attempt)

    def _find_outcome(self, attempt: Attempt, before: Aggregate) -> Outcome:
        # The refusal of a submitted command is recorded, so an earlier one is found by its receipt.
        if not attempt.is_submitted:
            hidden = refuse_hidden(attempt, before)
            if hidden is not None:
                return hidden
        return self._find_receipt(attempt, before) or self._decide(attempt, before)

    def _find_receipt(self, attempt: Attempt, before: Aggregate) -> Outcome | None:
        # Without an order there is no receipt. A shared log may have got both since the order was read.
        if attempt.is_new_order or (before is NO_ORDER and self._chained):
            return None
        for request_id in _request_ids(attempt, before):
            key = (attempt.order_id, request_id)
            planned = self._receipts.get(key)
            link = planned.link if planned else self._fold.receipt(*key)
            if link is not None:
                return self._replay(attempt, planned, link)
        return None

    def _replay(self, attempt: Attempt, planned: PlannedRecord | None, link: Link) -> Outcome:
        if link.command_digest != attempt.digest:
            return request_id_reused(attempt.order_id, attempt.request_id)
        if planned is not None:
            return planned
        if link.is_refusal:
            return RecordedRefusal(link)
        return Accepted(link, link.digest != attempt.appended_digest, None)

    def _decide(self, attempt: Attempt, before: Aggregate) -> Answer | PlannedRecord:
        if before.parked and refuse_hidden(attempt, before) is None:
            return order_parked(attempt, before)
        outcome = decide_on(before, attempt)
        if isinstance(outcome, Refusal):
            return self._record_refusal(attempt, before, outcome) if attempt.is_submitted else outcome
        planned = plan_record(attempt, before, outcome, self._new_id(), self._record_time(before))
        if attempt.validate_only:
            return Preview(planned.reading)
        self._add_record(attempt, planned)
        return planned

    def _record_refusal(self, attempt: Attempt, before: Aggregate, refusal: Refusal) -> PlannedRecord:
        planned = plan_refusal(attempt, before, refusal, self._new_id(), self._record_time(before))
        self._add_record(attempt, planned)
        return planned

    def _add_record(self, attempt: Attempt, planned: PlannedRecord) -> None:
        # From now on the log may hold the order's record, so the order may no longer be new.
        attempt.appended_digest, attempt.is_new_order = planned.link.digest, False
        self._aggregates[attempt.order_id] = planned.step[1]
        self._receipts[attempt.order_id, planned.request_id] = planned
        self.records.append(planned)
        self.size += len(planned.entry.value)

    def _aggregate(self, attempt: Attempt) -> Aggregate:
        if attempt.is_new_order:
            return NO_ORDER
        return self._aggregates.get(attempt.order_id) or self._orders.aggregate(attempt.order_id)

    def _record_time(self, before: Aggregate) -> int:
        # The server's clock may stop or go back, but a fact is never older than its predecessor.
        if before.order is None:
            return self._now()
        return max(self._now(), nanoseconds(before.order.update_time))


def decide_on(before: Aggregate, attempt: Attempt) -> Event | Refusal:
    """Return what the command of an attempt leads to on an order."""
    if attempt.rejection is not None:
        return attempt.rejection
    hidden = refuse_hidden(attempt, before)
    if hidden is not None:
        return hidden
    if _is_version_mismatch(attempt, before):
        return version_mismatch(attempt, before)
    return decide(before.order, attempt.command)


def _request_ids(attempt: Attempt, before: Aggregate) -> tuple[str, ...]:
    """Return the request ids with which an earlier outcome of an attempt may be recorded.

    On an order outside the scope, the request ids of others must not exist for the caller.
    """
    private = (attempt.private_request_id,) if attempt.private_request_id else ()
    return (*private, attempt.request_id) if is_in_scope(attempt.scope, before) else private


def _is_version_mismatch(attempt: Attempt, before: Aggregate) -> bool:
    expected = attempt.expected_version
    if expected is None or expected == before.version:
        return False
    return before.version > 0 or isinstance(attempt.command, PlaceOrderRequest | OrderPlaced)
