import pytest

from ordertrail_server.admin.lag_clock import MAX_ENDS, LagClock

SECOND = 1_000_000_000


def test_follower_at_the_last_known_end_has_no_lag() -> None:
    clock = LagClock(0)
    clock.note_position(5)
    clock.note_end(1 * SECOND, 5)
    assert (clock.records, clock.seconds(100 * SECOND)) == (0, 0.0)


def test_lag_begins_when_the_follower_was_last_known_to_be_complete() -> None:
    clock = LagClock(0)
    clock.note_position(5)
    clock.note_end(1 * SECOND, 5)
    clock.note_end(2 * SECOND, 7)
    assert (clock.records, clock.seconds(4 * SECOND)) == (2, 3.0)


def test_follower_that_never_catches_up_with_a_growing_log_is_as_old_as_what_it_includes() -> None:
    clock = LagClock(0)
    for second in range(1, 10):
        clock.note_end(second * SECOND, 10 * second)
        clock.note_position(10 * (second - 2))
        assert second < 3 or (clock.records, clock.seconds(second * SECOND)) == (20, 2.0)


def test_long_lag_is_known_although_few_ends_are_remembered() -> None:
    clock = LagClock(0)
    for second in range(1, 10 * MAX_ENDS):
        clock.note_end(second * SECOND, second)
    clock.note_position(5 * MAX_ENDS)
    assert clock.seconds(10 * MAX_ENDS * SECOND) == pytest.approx(5 * MAX_ENDS, rel=0.1)


def test_fold_from_the_start_lags_although_it_was_complete_before() -> None:
    clock = LagClock(0)
    clock.note_position(5)
    clock.note_end(1 * SECOND, 5)
    clock.note_position(0)
    assert (clock.records, clock.seconds(3 * SECOND)) == (5, 2.0)


def test_clock_that_was_set_back_gives_no_negative_lag() -> None:
    clock = LagClock(10 * SECOND)
    clock.note_end(10 * SECOND, 1)
    assert clock.seconds(0) == 0.0
