"""The state of a subscription as a fold of its records: given records, when one more, then."""

from collections.abc import Iterable

import pytest
from tests.subscriptions.state_records import FIRST, SECOND, claimed, created, record

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.log.position import LogPosition
from ordertrail_server.subscriptions.changes import (
    BacklogSet,
    CaughtUp,
    Cause,
    Change,
    Continued,
    Done,
    Forgiven,
    HandedOut,
    LimitsChanged,
    Saved,
    Stopped,
    Witnessed,
)
from ordertrail_server.subscriptions.definition import Limits
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.state_record import Claim, StateRecord


def fold(*records: StateRecord) -> SubscriptionState:
    state = SubscriptionState()
    for each_record in records:
        state.fold(each_record)
    return state


def contents(state: SubscriptionState) -> dict[str, object]:
    return {name: value for name, value in vars(state).items() if name != "_by_done"}


def test_definition_and_limits_are_those_of_the_first_record() -> None:
    state = fold(created())
    assert state.definition is not None
    assert state.definition.filter == EventFilter(EVERYTHING, customer_id="shop-1", types=(2, 3))
    assert state.limits == Limits(3, 60.0)


def test_record_of_an_older_claim_is_void() -> None:
    state = fold(created(), claimed(FIRST), claimed(SECOND))
    assert not state.fold(record(FIRST, Done("o-1", 5)))
    assert state.orders == {}


def test_second_claim_of_the_same_epoch_is_void_and_so_are_its_records() -> None:
    rival = Claim(1, "server-9")
    state = fold(created(), claimed(FIRST))
    assert not state.fold(claimed(rival))
    assert not state.fold(record(rival, Saved(0, 9)))
    assert state.fold(record(FIRST, Saved(0, 7)))
    assert state.saved == [7]


@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_claim_must_be_of_the_next_epoch(epoch: int) -> None:
    assert not fold(created(), claimed(FIRST)).fold(claimed(Claim(epoch, "server-2")))


def test_record_that_is_appended_twice_counts_once() -> None:
    changes = (HandedOut("o-1", 5, 1), Done("o-1", 5), HandedOut("o-2", 6, 1), Saved(0, 3))
    step = record(FIRST, *changes)
    once, twice = fold(created(), claimed(FIRST), step), fold(created(), claimed(FIRST), claimed(FIRST), step, step)
    assert contents(once) == contents(twice)


def test_events_that_are_done_forget_their_attempts() -> None:
    state = fold(created(), claimed(FIRST), record(FIRST, HandedOut("o-1", 5, 1), HandedOut("o-1", 6, 2)))
    state.fold(record(FIRST, Done("o-1", 5)))
    assert (state.orders["o-1"].done, state.orders["o-1"].attempts) == (5, {6: 2})


def test_orders_behind_the_saved_position_are_forgotten_unless_they_have_a_backlog() -> None:
    changes = (Done("o-1", 5), Done("o-2", 9), BacklogSet("o-3", Cause.PARKED, 2, "bad", 1), Done("o-4", 4))
    state = fold(created(), claimed(FIRST), record(FIRST, *changes, Saved(0, 6)))
    assert state.orders.keys() == {"o-2", "o-3"}
    state.fold(record(FIRST, CaughtUp("o-3"), Saved(0, 10)))
    assert state.orders == {}


def test_positions_of_partitions_are_independent() -> None:
    far = LogPosition(1, 2).pack()
    state = fold(created(partitions=2), claimed(FIRST), record(FIRST, Done("o-1", far), Saved(0, 100)))
    assert state.orders.keys() == {"o-1"}
    state.fold(record(FIRST, Saved(1, 3)))
    assert (state.orders, state.saved) == ({}, [100, 3])


def test_positions_are_of_the_log_of_the_creation_until_a_restore() -> None:
    state = fold(created(), claimed(FIRST))
    assert state.log_id == b"\1" * 16
    state.fold(record(FIRST, Continued("02" * 16)))
    assert state.log_id == b"\2" * 16
    assert state.definition is not None
    assert state.definition.log_id == b"\1" * 16


def test_saved_position_never_goes_back() -> None:
    assert fold(created(), claimed(FIRST), record(FIRST, Saved(0, 6)), record(FIRST, Saved(0, 5))).saved == [6]


@pytest.mark.parametrize(
    "changes",
    [
        (Done("o-1", 5), HandedOut("o-1", 6, 2), HandedOut("o-2", 3, 1), Saved(0, 2)),
        (HandedOut("o-1", 5, 3), BacklogSet("o-1", Cause.PARKED, 5, "bad", 1), Saved(0, 8)),
        (HandedOut("o-1", 5, 3), BacklogSet("o-1", Cause.PARKED, 5, "bad", 1), Forgiven("o-1", 5, 3), Saved(0, 9)),
        (BacklogSet("o-2", Cause.UNREADABLE, 4, "new", 2), BacklogSet("o-1", Cause.LAGGING, 1, "", 3), Done("o-1", 1)),
        (LimitsChanged(7, 5.0), Witnessed(0, 3, "ab"), Stopped("the log is shorter")),
        (Saved(0, 3), Continued("02" * 16), Saved(0, 4)),
    ],
)
def test_snapshot_leads_to_the_same_state(changes: Iterable[Change]) -> None:
    state = fold(created(), claimed(FIRST), record(FIRST, *changes))
    snapshot = StateRecord("uid-1", FIRST, tuple(state.to_changes()))
    again = fold(StateRecord.from_text("uid-1", snapshot.to_text()))
    assert contents(again) == contents(state)
    assert not again.fold(record(SECOND, Saved(0, 99)))
    assert again.fold(claimed(SECOND))
