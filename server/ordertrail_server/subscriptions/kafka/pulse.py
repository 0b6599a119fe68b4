"""Notices that this process did not run for a while, as if it was suspended."""

from collections.abc import Callable
from time import monotonic


class Pulse:
    """Must beat regularly. It stops for ever if it did not beat for `limit_s`. For any thread.

    What a server has stored before it was suspended would reach consumers afterwards, when another server may have
    taken over. Terms keep that from having an effect, and this keeps it from being sent.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._limit_s, self._clock = limit_s, clock
        self._last, self._has_stopped = clock(), False

    def beat(self) -> None:
        """Note that the process runs."""
        if not self.has_stopped():
            self._last = self._clock()

    def has_stopped(self) -> bool:
        """Return whether the process once did not run for so long."""
        if self._clock() - self._last > self._limit_s:
            self._has_stopped = True
        return self._has_stopped
