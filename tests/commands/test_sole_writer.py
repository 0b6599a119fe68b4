"""A writer is the sole writer only while it appends without a pause and observes no other writer."""

import pytest

from ordertrail_server.commands.contention import CONTENTION_S, PAUSE_S, SOLO_S, Contention

STEP_S = PAUSE_S / 2


class ManualClock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def append_without_contention(contention: Contention, clock: ManualClock, seconds: float) -> None:
    """Append one batch after another, without a pause and without observing another writer."""
    end = clock.now + seconds
    while clock.now < end:
        contention.absent()
        clock.now += STEP_S


def test_writer_is_sole_after_appending_alone_for_a_while(clock: ManualClock) -> None:
    contention = Contention(True, clock)
    append_without_contention(contention, clock, SOLO_S / 2)
    assert not contention.is_sole_writer
    append_without_contention(contention, clock, SOLO_S)
    assert contention.is_sole_writer


def test_writer_is_not_sole_until_long_after_observing_another(clock: ManualClock) -> None:
    contention = Contention(True, clock)
    append_without_contention(contention, clock, 2 * SOLO_S)
    contention.observed()
    assert not contention.is_sole_writer
    append_without_contention(contention, clock, CONTENTION_S - STEP_S)
    assert not contention.is_sole_writer
    append_without_contention(contention, clock, 2 * SOLO_S)
    assert contention.is_sole_writer


def test_writer_that_paused_is_not_sole_until_it_appended_for_a_while(clock: ManualClock) -> None:
    contention = Contention(True, clock)
    append_without_contention(contention, clock, 2 * SOLO_S)
    clock.now += 2 * PAUSE_S
    assert not contention.is_sole_writer
    append_without_contention(contention, clock, SOLO_S / 2)
    assert not contention.is_sole_writer
    append_without_contention(contention, clock, SOLO_S)
    assert contention.is_sole_writer


def test_writer_of_unshared_log_is_sole_from_first_batch_on(clock: ManualClock) -> None:
    contention = Contention(False, clock)
    assert not contention.is_sole_writer
    contention.absent()
    clock.now += CONTENTION_S
    assert contention.is_sole_writer
    contention.observed()
    assert not contention.is_sole_writer
