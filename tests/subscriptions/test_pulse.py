"""A process that was suspended knows it before it does anything else."""

from ordertrail_server.subscriptions.kafka.pulse import Pulse


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pulse_that_beats_in_time_goes_on() -> None:
    clock = Clock()
    pulse = Pulse(3.0, clock)
    for _ in range(5):
        clock.now += 2.9
        pulse.beat()
    assert not pulse.has_stopped()


def test_pulse_that_was_late_stops_for_ever_whoever_looks_first() -> None:
    clock = Clock()
    beating, observed = Pulse(3.0, clock), Pulse(3.0, clock)
    clock.now += 3.1
    beating.beat()
    assert observed.has_stopped()
    for pulse in (beating, observed):
        pulse.beat()
        assert pulse.has_stopped()
