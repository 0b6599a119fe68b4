"""When a server refuses commands because they would wait too long."""

from ordertrail_server.edge.command_load import ALWAYS_S, BUSY, WAIT_SHARE, WINDOW_S, CommandLoad

LONG_S, SHORT_S = 10.0, 0.01
COMMAND_S = 0.004


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """A server's clocks, and its commands: they take `command_s` each of the processor, one after the other."""

    def __init__(self) -> None:
        self.clock, self.processor_clock = Clock(), Clock()
        self.load = CommandLoad(self.clock, self.processor_clock)

    def handle(self, running: int, command_s: float = COMMAND_S, seconds: float = 1.0, log_s: float = 0.0) -> None:
        """Let `running` more commands run all the time. After each, the server waits `log_s` for the log."""
        for _ in range(running):
            self.load.note_begin()
        for _ in range(round(seconds / (command_s + log_s))):
            self.processor_clock.now += command_s
            self.clock.now += command_s + log_s
            self.load.note_end()
            self.load.note_begin()


def close(actual: float, expected: float) -> bool:
    return abs(actual - expected) < expected / 5


def test_server_that_was_never_busy_refuses_nothing() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(BUSY - 1)
    assert load.wait_s == 0
    assert not load.refuses(SHORT_S)


def test_wait_is_the_time_of_one_command_for_each_that_runs() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(100)
    assert close(load.wait_s, 100 * COMMAND_S)


def test_command_is_refused_if_the_wait_takes_too_much_of_its_time() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(100)
    assert load.refuses(0.9 * load.wait_s / WAIT_SHARE)
    assert not load.refuses(1.1 * load.wait_s / WAIT_SHARE)


def test_command_without_a_deadline_is_never_refused() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(10_000)
    assert load.refuses(LONG_S)
    assert not load.refuses(None)


def test_short_deadline_alone_is_no_reason_to_refuse() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(int(ALWAYS_S / COMMAND_S) - 2)
    assert load.wait_s > WAIT_SHARE * SHORT_S
    assert not load.refuses(SHORT_S)


def test_commands_are_accepted_again_once_others_have_ended() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(100)
    for _ in range(95):
        machine.clock.now += COMMAND_S
        load.note_end()
    assert not load.refuses(1.0)


def test_pause_in_which_nothing_ends_is_not_the_time_of_a_command() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(100)
    machine.clock.now += 30  # the log could not be written
    machine.handle(0, seconds=2 * WINDOW_S)
    assert close(load.wait_s, 100 * COMMAND_S)


def test_wait_for_the_log_is_not_the_time_of_a_command() -> None:
    machine = Machine()
    machine.handle(100, log_s=4 * COMMAND_S)
    assert close(machine.load.wait_s, 100 * COMMAND_S)


def test_estimate_follows_commands_that_take_longer_or_shorter() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(100)
    machine.handle(0, 4 * COMMAND_S, 3.0)
    assert close(load.wait_s, 400 * COMMAND_S)
    machine.handle(0, COMMAND_S, 3.0)
    assert close(load.wait_s, 100 * COMMAND_S)


def test_few_commands_that_take_long_do_not_raise_the_estimate() -> None:
    machine = Machine()
    load = machine.load
    machine.handle(20)
    for _ in range(18):
        load.note_end()
    machine.handle(0, 10 * COMMAND_S)
    assert load.wait_s <= 2 * COMMAND_S * 1.2
