"""A writer takes itself for the only one as long as nothing speaks against it, and not a batch longer."""

import pytest

from ordertrail_server.commands.contention import CONTENTION_S, PAUSE_S, SOLO_S, Contention

STEP_S = PAUSE_S / 2


class Watch:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Watch:
    return Watch()


def append_alone(contention: Contention, clock: Watch, seconds: float) -> None:
    """Append one batch after another, without a pause and without meeting anyone."""
    end = clock.now + seconds
    while clock.now < end:
        contention.absent()
        clock.now += STEP_S


def test_writer_is_sole_after_appending_alone_for_a_while(clock: Watch) -> None:
    contention = Contention(True, clock)
    append_alone(contention, clock, SOLO_S / 2)
    assert not contention.is_sole_writer
    append_alone(contention, clock, SOLO_S)
    assert contention.is_sole_writer


def test_writer_is_not_sole_until_long_after_observing_another(clock: Watch) -> None:
    contention = Contention(True, clock)
    append_alone(contention, clock, 2 * SOLO_S)
    contention.observed()
    assert not contention.is_sole_writer
    append_alone(contention, clock, CONTENTION_S - STEP_S)
    assert not contention.is_sole_writer
    append_alone(contention, clock, 2 * SOLO_S)
    assert contention.is_sole_writer


def test_writer_that_paused_is_not_sole_until_it_appended_for_a_while(clock: Watch) -> None:
    contention = Contention(True, clock)
    append_alone(contention, clock, 2 * SOLO_S)
    clock.now += 2 * PAUSE_S
    assert not contention.is_sole_writer
    append_alone(contention, clock, SOLO_S / 2)
    assert not contention.is_sole_writer
    append_alone(contention, clock, SOLO_S)
    assert contention.is_sole_writer


def test_writer_of_unshared_log_is_sole_from_first_batch_on(clock: Watch) -> None:
    contention = Contention(False, clock)
    assert not contention.is_sole_writer
    contention.absent()
    clock.now += CONTENTION_S
    assert contention.is_sole_writer
    contention.observed()
    assert not contention.is_sole_writer
