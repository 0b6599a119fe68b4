"""What one subscription must append next, and what is done once that is durable."""

from collections.abc import Iterable

from ordertrail_server.subscriptions.changes import Change, Claimed, weigh
from ordertrail_server.subscriptions.committer import Commit, Effect
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.state_record import Claim, StateRecord

SNAPSHOT_CHANGES = 20_000
"""A snapshot replaces the records of a subscription when they weigh this many changes more than it."""


class CommitBuffer:
    """Gathers changes that `state` already includes. `owner` is the id of the server process.

    `change_count` is the weight of the changes in the records that are stored.
    """

    def __init__(self, state: SubscriptionState, owner: str, change_count: int) -> None:
        self._state, self._owner, self._change_count = state, owner, change_count
        self._records: list[StateRecord] = []
        self._changes: list[Change] = []
        self._effects: list[Effect] = []
        self._is_snapshot_requested = False

    @property
    def is_empty(self) -> bool:
        """True if nothing waits for a commit, apart from a claim."""
        return not self._changes and not self._effects

    def claim(self) -> None:
        """Claim the subscription for this process, unless it has."""
        state = self._state
        if state.claim.owner != self._owner:
            assert state.definition is not None
            record = StateRecord(state.definition.uid, Claim(state.claim.epoch + 1, self._owner), (Claimed(),))
            state.fold(record)
            self._records.append(record)

    def add(self, changes: Iterable[Change]) -> None:
        """Add changes to the next record."""
        self._changes.extend(changes)

    def add_effect(self, effect: Effect) -> None:
        """Have something done once all that was added is durable."""
        self._effects.append(effect)

    def request_snapshot(self) -> None:
        """Have the next commit include a snapshot."""
        self._is_snapshot_requested = True

    def take(self) -> Commit:
        """Return the next commit, and begin another one. Of a deleted subscription nothing is appended."""
        assert self._state.definition is not None
        if self._changes:
            self._records.append(StateRecord(self._state.definition.uid, self._state.claim, tuple(self._changes)))
            self._change_count += weigh(self._changes)
        records, effects = self._records, self._effects
        self._records, self._changes, self._effects = [], [], []
        if self._state.is_deleted:
            return Commit((), effects)
        return Commit(records, effects, self._take_snapshot())

    def _take_snapshot(self) -> StateRecord | None:
        state = self._state
        if self._change_count < SNAPSHOT_CHANGES + len(state.orders) and not self._is_snapshot_requested:
            return None
        self._is_snapshot_requested = False
        assert state.definition is not None
        changes = tuple(state.to_changes())
        self._change_count = weigh(changes)
        return StateRecord(state.definition.uid, state.claim, changes)
