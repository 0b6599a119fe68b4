"""When a server refuses commands because they would wait too long."""

from ordertrail_server.edge.command_load import ALWAYS_S, BUSY, WAIT_SHARE, WINDOW_S, CommandLoad

LONG_S, SHORT_S = 10.0, 0.01
COMMAND_S = 0.004


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def handle(load: CommandLoad, clock: Clock, running: int, command_s: float = COMMAND_S, seconds: float = 1.0) -> None:
    """Let `running` commands run all the time, one of which ends after each `command_s`."""
    for _ in range(running):
        load.note_begin()
    for _ in range(round(seconds / command_s)):
        clock.now += command_s
        load.note_end()
        load.note_begin()


def build_load() -> tuple[CommandLoad, Clock]:
    clock = Clock()
    return CommandLoad(clock), clock


def close(actual: float, expected: float) -> bool:
    return abs(actual - expected) < expected / 5


def test_server_that_was_never_busy_refuses_nothing() -> None:
    load, clock = build_load()
    handle(load, clock, BUSY - 1)
    assert load.wait_s == 0
    assert not load.refuses(SHORT_S)


def test_wait_is_the_time_of_one_command_for_each_that_runs() -> None:
    load, clock = build_load()
    handle(load, clock, 100)
    assert close(load.wait_s, 100 * COMMAND_S)


def test_command_is_refused_if_the_wait_takes_too_much_of_its_time() -> None:
    load, clock = build_load()
    handle(load, clock, 100)
    assert load.refuses(0.9 * load.wait_s / WAIT_SHARE)
    assert not load.refuses(1.1 * load.wait_s / WAIT_SHARE)


def test_command_without_a_deadline_is_never_refused() -> None:
    load, clock = build_load()
    handle(load, clock, 10_000)
    assert load.refuses(LONG_S)
    assert not load.refuses(None)


def test_short_deadline_alone_is_no_reason_to_refuse() -> None:
    load, clock = build_load()
    handle(load, clock, int(ALWAYS_S / COMMAND_S) - 2)
    assert load.wait_s > WAIT_SHARE * SHORT_S
    assert not load.refuses(SHORT_S)


def test_commands_are_accepted_again_once_others_have_ended() -> None:
    load, clock = build_load()
    handle(load, clock, 100)
    for _ in range(95):
        clock.now += COMMAND_S
        load.note_end()
    assert not load.refuses(1.0)


def test_pause_in_which_nothing_ends_is_not_the_time_of_a_command() -> None:
    load, clock = build_load()
    handle(load, clock, 100)
    clock.now += 30  # the log could not be written
    handle(load, clock, 0, seconds=2 * WINDOW_S)
    assert close(load.wait_s, 100 * COMMAND_S)


def test_estimate_follows_commands_that_take_longer_or_shorter() -> None:
    load, clock = build_load()
    handle(load, clock, 100)
    handle(load, clock, 0, 4 * COMMAND_S, 3.0)
    assert close(load.wait_s, 400 * COMMAND_S)
    handle(load, clock, 0, COMMAND_S, 3.0)
    assert close(load.wait_s, 100 * COMMAND_S)


def test_few_commands_that_take_long_do_not_raise_the_estimate() -> None:
    load, clock = build_load()
    handle(load, clock, 20)
    for _ in range(18):
        load.note_end()
    handle(load, clock, 0, 10 * COMMAND_S)
    assert load.wait_s <= 2 * COMMAND_S * 1.2
