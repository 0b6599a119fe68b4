"""When a projector is woken for new records: soon while there are readers, else rarely, in larger batches."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from ordertrail_server.projections.growth_watcher import PACE_S

UNREAD_PACE_S = 0.1
"""The least time between two wake-ups while nobody reads. A batch has a fixed cost, which fewer wake-ups save."""

READER_S = 1.0
"""How long after a read the next one is expected."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do not call."""


def call_later(delay_s: float, callback: Callable[[], None]) -> Timer:
    """Call a function on the running event loop after some seconds."""
    return asyncio.get_running_loop().call_later(delay_s, callback)


class WakeUps:
    """Calls `wake` after the log has grown, at most once in PACE_S or UNREAD_PACE_S seconds. For one event loop."""

    def __init__(
        self,
        wake: Callable[[], None],
        clock: Callable[[], float] = monotonic,
        call_later: Callable[[float, Callable[[], None]], Timer] = call_later,
    ) -> None:
        self._wake, self._clock, self._call_later = wake, clock, call_later
        self._timer: Timer | None = None
        self._woken_at, self._read_at = -UNREAD_PACE_S, -READER_S

    def notify_growth(self) -> None:
        """Wake the projector as soon as the pace allows, because the log has grown."""
        if self._timer is None:
            self._schedule()

    def note_read(self) -> None:
        """Note that a read or a stream may wait for new records: they are folded sooner, now and for READER_S."""
        had_readers, self._read_at = self._has_readers, self._clock()
        if self._timer is not None and not had_readers:
            self._timer.cancel()
            self._schedule()

    @property
    def _has_readers(self) -> bool:
        return self._clock() < self._read_at + READER_S

    def _schedule(self) -> None:
        pace_s = PACE_S if self._has_readers else UNREAD_PACE_S
        self._timer = self._call_later(max(0.0, self._woken_at + pace_s - self._clock()), self._fire)

    def _fire(self) -> None:
        self._timer, self._woken_at = None, self._clock()
        self._wake()
