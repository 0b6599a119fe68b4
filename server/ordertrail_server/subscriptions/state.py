"""The durable state of a subscription: a fold of its state records. Pure.

The fold judges every record, whatever its writer believed: a record of an older claim is void. So a server that was
frozen, and finds another one in its place when it thaws, can change nothing.
"""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from ordertrail_server.log.position import LogPosition
from ordertrail_server.subscriptions.changes import (
    BacklogSet,
    CaughtUp,
    Cause,
    Change,
    Claimed,
    Continued,
    Created,
    Deleted,
    Done,
    Forgiven,
    HandedOut,
    LimitsChanged,
    Saved,
    Stopped,
    Witnessed,
)
from ordertrail_server.subscriptions.definition import Definition, Limits
from ordertrail_server.subscriptions.state_record import UNCLAIMED, Claim, StateRecord
from ordertrail_server.subscriptions.webhook_changes import WebhookChange, WebhookSet
from ordertrail_server.subscriptions.webhook_state import WebhookState

NOTHING_DONE = -1


class Backlog(NamedTuple):
    """Events of an order from `position` on, which are not done and for which the saved position does not wait."""

    cause: Cause
    position: int
    reason: str
    time: int

    @property
    def is_waiting(self) -> bool:
        """True if the events are not handed out."""
        return self.cause in (Cause.PARKED, Cause.UNREADABLE)


@dataclass(slots=True)
class OrderState:
    """What the saved position does not say about an order.

    `done` is the position up to which its events are done; within an order, events are done in order. `attempts` has
    the number of hand-outs of events that are not done, and `forgiven` how many of them do not count towards the limit.
    """

    done: int = NOTHING_DONE
    attempts: dict[int, int] = field(default_factory=dict)
    forgiven: dict[int, int] = field(default_factory=dict)
    backlog: Backlog | None = None

    def counted_attempts(self, position: int) -> int:
        """Return how many hand-outs of an event count towards the limit."""
        return self.attempts.get(position, 0) - self.forgiven.get(position, 0)


class SubscriptionState:
    """The state after some records. `saved` are the offsets before which all events are done, except of backlogs.

    All positions are of the log `log_id`.
    """

    def __init__(self) -> None:
        self.definition: Definition | None = None
        self.log_id = b""
        self.limits = Limits()
        self.claim: Claim = UNCLAIMED
        self.saved: list[int] = []
        self.witnesses: dict[int, Witnessed] = {}
        self.orders: dict[str, OrderState] = {}
        self.backlog_ids: dict[str, None] = {}
        self.stop_reason = ""
        self.is_deleted = False
        self.webhook: WebhookState | None = None
        self._by_done: dict[int, list[tuple[int, str]]] = {}

    def fold(self, record: StateRecord) -> bool:
        """Apply a record. Return False if it is void, and has no effect."""
        first = record.changes[0] if record.changes else None
        if isinstance(first, Claimed):
            if record.claim.epoch != self.claim.epoch + 1:
                return False
            self.claim = record.claim
        elif self.definition is None and isinstance(first, Created):
            self.claim = record.claim
        elif record.claim != self.claim:
            return False
        for change in record.changes:
            self.apply(change)
        return True

    def apply(self, change: Change) -> None:
        """Apply one change."""
        match change:
            case HandedOut(order_id, position, attempt):
                self._order(order_id).attempts[position] = attempt
            case Done(order_id, position):
                self._note_done(order_id, position)
            case Saved(partition, offset):
                self._save(partition, offset)
            case Forgiven(order_id, position, hand_outs):
                self._order(order_id).forgiven[position] = hand_outs
            case BacklogSet() | CaughtUp():
                self._apply_backlog(change)
            case Witnessed(partition):
                self.witnesses[partition] = change
            case Created() | Continued() | LimitsChanged() | Claimed() | Stopped() | Deleted():
                self._apply_to_subscription(change)
            case _:
                self._apply_to_webhook(change)

    def to_changes(self) -> list[Change]:
        """Return changes that lead from a new subscription to this state. Its claim is that of their record."""
        assert self.definition is not None
        changes: list[Change] = [Created(self.definition.to_json(), list(self.saved)), LimitsChanged(*self.limits)]
        if self.log_id != self.definition.log_id:
            changes.append(Continued(self.log_id.hex()))
        changes.extend(self.witnesses.values())
        for order_id, order in self.orders.items():
            if order.done != NOTHING_DONE:
                changes.append(Done(order_id, order.done))
            changes.extend(HandedOut(order_id, *attempt) for attempt in order.attempts.items())
            changes.extend(Forgiven(order_id, *count) for count in order.forgiven.items())
        for order_id in self.backlog_ids:
            backlog = self.orders[order_id].backlog
            assert backlog is not None
            changes.append(BacklogSet(order_id, *backlog))
        if self.webhook is not None:
            changes.extend(self.webhook.to_changes())
        if self.stop_reason:
            changes.append(Stopped(self.stop_reason))
        return changes

    def _order(self, order_id: str) -> OrderState:
        if order_id not in self.orders:
            self.orders[order_id] = OrderState()
        return self.orders[order_id]

    def _note_done(self, order_id: str, position: int) -> None:
        order = self._order(order_id)
        order.done = max(order.done, position)
        for counts in (order.attempts, order.forgiven):
            for counted in [counted for counted in counts if counted <= position]:
                del counts[counted]
        if order.backlog is not None:
            order.backlog = order.backlog._replace(position=max(order.backlog.position, position + 1))
        if self.webhook is not None:
            self.webhook.note_done(order_id, position)
        partition = LogPosition.unpack(position).partition
        heap = self._by_done.setdefault(partition, [])
        if len(heap) > 2 * len(self.orders) + 1_000:
            # Each order has one entry that counts. The others would stay until the saved position passes them.
            heap[:] = [(done, name) for done, name in heap if name in self.orders and self.orders[name].done == done]
            heapify(heap)
        heappush(heap, (order.done, order_id))

    def _save(self, partition: int, offset: int) -> None:
        self.saved[partition] = max(offset, self.saved[partition])
        heap, saved = self._by_done.get(partition, []), LogPosition(partition, self.saved[partition]).pack()
        while heap and heap[0][0] < saved:
            self._forget(heappop(heap)[1])

    def _apply_backlog(self, change: BacklogSet | CaughtUp) -> None:
        order = self._order(change.order_id)
        match change:
            case BacklogSet(order_id, cause, position, reason, time):
                order.backlog = Backlog(Cause(cause), position, reason, time)
                self.backlog_ids[order_id] = None
            case CaughtUp(order_id):
                order.backlog = None
                self.backlog_ids.pop(order_id, None)
                self._forget(order_id)

    def _forget(self, order_id: str) -> None:
        """Forget an order about which the saved position says everything."""
        order = self.orders.get(order_id)
        if order is None or order.backlog is not None or order.attempts:
            return
        partition, offset = LogPosition.unpack(max(0, order.done))
        if order.done == NOTHING_DONE or offset < self.saved[partition]:
            del self.orders[order_id]

    def _apply_to_subscription(self, change: Change) -> None:
        match change:
            case Created(definition, offsets):
                self.definition, self.saved = Definition.from_json(definition), list(offsets)
                self.log_id = self.definition.log_id
            case Continued(log_id):
                self.log_id = bytes.fromhex(log_id)
            case LimitsChanged(max_attempts, acknowledge_s):
                self.limits = Limits(max_attempts, acknowledge_s)
            case Stopped(reason):
                self.stop_reason = reason
            case Deleted():
                self.is_deleted = True

    def _apply_to_webhook(self, change: WebhookChange) -> None:
        if self.webhook is None and isinstance(change, WebhookSet):
            self.webhook = WebhookState(change)
        elif self.webhook is not None:
            self.webhook.apply(change)
