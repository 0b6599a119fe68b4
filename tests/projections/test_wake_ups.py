"""The projector is woken at once, then at a pace that depends on readers."""

from collections.abc import Callable

from ordertrail_server.projections.growth_watcher import PACE_S
from ordertrail_server.projections.wake_ups import READER_S, UNREAD_PACE_S, WakeUps


class ManualTimer:
    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due, self.callback, self.is_cancelled = due, callback, False

    def cancel(self) -> None:
        self.is_cancelled = True


class ObservedWakeUps(WakeUps):
    """Wake-ups by a clock that only `grow_for` advances. `times` is when the projector was woken, in seconds."""

    def __init__(self) -> None:
        self.now, self.times = 0.0, list[float]()
        self.timers: list[ManualTimer] = []
        super().__init__(lambda: self.times.append(self.now), lambda: self.now, self._start_timer)

    def _start_timer(self, delay_s: float, callback: Callable[[], None]) -> ManualTimer:
        self.timers.append(ManualTimer(self.now + delay_s, callback))
        return self.timers[-1]

    def grow_for(self, seconds: float) -> None:
        """Report growth every millisecond."""
        for _ in range(round(seconds * 1_000)):
            self.notify_growth()
            for timer in [timer for timer in self.timers if timer.due <= self.now]:
                self.timers.remove(timer)
                if not timer.is_cancelled:
                    timer.callback()
            self.now += 0.001


def test_first_growth_wakes_at_once() -> None:
    wake_ups = ObservedWakeUps()
    wake_ups.grow_for(0.001)
    assert wake_ups.times == [0.0]


def test_unread_projections_are_woken_rarely() -> None:
    wake_ups = ObservedWakeUps()
    wake_ups.grow_for(2 * READER_S)
    assert len(wake_ups.times) <= 2 * READER_S / UNREAD_PACE_S + 1


def test_read_projections_are_woken_often() -> None:
    wake_ups = ObservedWakeUps()
    wake_ups.note_read()
    wake_ups.grow_for(READER_S)
    assert len(wake_ups.times) >= READER_S / (PACE_S + 0.001)


def test_read_wakes_sooner_for_records_that_are_already_there() -> None:
    wake_ups = ObservedWakeUps()
    wake_ups.grow_for(PACE_S + 0.002)
    assert wake_ups.times == [0.0]
    wake_ups.note_read()
    wake_ups.grow_for(0.001)
    assert len(wake_ups.times) == 2


def test_projections_are_woken_rarely_again_some_time_after_the_last_read() -> None:
    wake_ups = ObservedWakeUps()
    wake_ups.note_read()
    wake_ups.grow_for(READER_S + UNREAD_PACE_S)
    wake_ups.times.clear()
    wake_ups.grow_for(READER_S)
    assert len(wake_ups.times) <= READER_S / UNREAD_PACE_S + 1
