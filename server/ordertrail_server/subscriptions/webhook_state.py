"""The durable state of a webhook: a part of the fold of its subscription. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ordertrail_server.subscriptions.webhook_changes import (
    Attempted,
    Finished,
    Prepared,
    SecretAdded,
    SecretRevoked,
    WebhookChange,
    WebhookDisabled,
    WebhookSet,
)

MAX_FINISHED, FINISHED_BYTES = 200, 1 << 20
"""How many finished deliveries a webhook remembers, and how many bytes of them, with their attempts."""

UNFINISHED_BYTES = 4 << 20
"""While unfinished deliveries have more bytes, with their attempts, no new events are read, and no order is parked."""

MAX_ATTEMPTS_KEPT = 10
"""How many attempts of a delivery are remembered: the last ones."""


@dataclass(slots=True)
class LoggedDelivery:
    """A delivery with its body and its last attempts. `size` is the number of bytes of their texts."""

    prepared: Prepared
    attempts: list[Attempted] = field(default_factory=list)
    is_finished: bool = False
    size: int = 0

    def add(self, attempt: Attempted) -> None:
        """Add an attempt, and forget the oldest one if there are too many."""
        self.attempts.append(attempt)
        self.size += attempt.size
        for forgotten in self.attempts[:-MAX_ATTEMPTS_KEPT]:
            self.size -= forgotten.size
        del self.attempts[:-MAX_ATTEMPTS_KEPT]


@dataclass(slots=True)
class WebhookState:
    """The state after some changes. Deliveries are by position; those that are finished, in the order of their end."""

    config: WebhookSet
    secrets: dict[str, SecretAdded] = field(default_factory=dict)
    disable_reason: str = ""
    unfinished: dict[int, LoggedDelivery] = field(default_factory=dict)
    finished: dict[int, LoggedDelivery] = field(default_factory=dict)
    unfinished_bytes: int = 0
    finished_bytes: int = 0
    _by_order: dict[str, list[int]] = field(default_factory=dict)

    @property
    def has_room(self) -> bool:
        """True if unfinished deliveries leave room for others."""
        return self.unfinished_bytes < UNFINISHED_BYTES

    def find(self, position: int) -> LoggedDelivery | None:
        """Return the delivery of the event at a position, None if it is not remembered."""
        return self.unfinished.get(position) or self.finished.get(position)

    def deliveries(self) -> list[LoggedDelivery]:
        """Return all deliveries, newest first."""
        entries = [*self.unfinished.values(), *self.finished.values()]
        return sorted(entries, key=lambda entry: (entry.prepared.time, entry.prepared.position), reverse=True)

    def apply(self, change: WebhookChange) -> None:
        """Apply one change."""
        match change:
            case WebhookSet():
                self.config = change
            case SecretAdded(secret_id):
                self.secrets[secret_id] = change
            case SecretRevoked(secret_id):
                self.secrets.pop(secret_id, None)
            case WebhookDisabled(reason):
                self.disable_reason = reason
            case Prepared():
                self._prepare(change)
            case Attempted():
                self._note_attempt(change)
            case Finished(position):
                self._finish(position)

    def note_done(self, order_id: str, position: int) -> None:
        """Note that the events of an order up to a position are done."""
        for prepared in [at for at in self._by_order.get(order_id, ()) if at <= position]:
            self._finish(prepared)

    def to_changes(self) -> Iterator[WebhookChange]:
        """Yield changes that lead to this state."""
        yield self.config
        yield from self.secrets.values()
        if self.disable_reason:
            yield WebhookDisabled(self.disable_reason)
        for position, delivery in [*self.finished.items(), *self.unfinished.items()]:
            yield delivery.prepared
            yield from delivery.attempts
            if delivery.is_finished:
                yield Finished(position)

    def _prepare(self, change: Prepared) -> None:
        if change.position in self.unfinished:  # the first body counts
            return
        entry = self.unfinished[change.position] = LoggedDelivery(change, size=len(change.body.encode()))
        self.unfinished_bytes += entry.size
        self._by_order.setdefault(change.order_id, []).append(change.position)

    def _note_attempt(self, attempt: Attempted) -> None:
        entry = self.find(attempt.position)
        if entry is None:
            return
        size_before = entry.size
        entry.add(attempt)
        if entry.is_finished:
            self.finished_bytes += entry.size - size_before
            self._forget_oldest()
        else:
            self.unfinished_bytes += entry.size - size_before

    def _finish(self, position: int) -> None:
        entry = self.unfinished.pop(position, None)
        if entry is None:
            return
        positions = self._by_order[entry.prepared.order_id]
        positions.remove(position)
        if not positions:
            del self._by_order[entry.prepared.order_id]
        self.unfinished_bytes -= entry.size
        entry.is_finished = True
        self.finished[position] = entry
        self.finished_bytes += entry.size
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self.finished) > MAX_FINISHED or (self.finished_bytes > FINISHED_BYTES and len(self.finished) > 1):
            oldest = next(iter(self.finished))
            self.finished_bytes -= self.finished.pop(oldest).size
