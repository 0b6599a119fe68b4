"""A budget that refills at a steady rate."""

from collections.abc import Callable
from time import monotonic


class Allowance:
    """Allows `burst` units at once, and `rate` units a second. `clock` is in seconds and never goes back."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._units, self._filled_at = float(burst), clock()

    def take(self, limit: int) -> int:
        """Take up to `limit` units; return how many. Half a burst is taken at once, or none, if `limit` is as high."""
        now = self._clock()
        self._units = min(self._burst, self._units + self._rate * (now - self._filled_at))
        self._filled_at = now
        units = min(limit, int(self._units))
        if units < min(limit, self._burst // 2):
            return 0
        self._units -= units
        return units
