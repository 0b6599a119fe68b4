"""Bounds how many verifications per second end in a refusal, because the check of a signature costs the most."""

from collections.abc import Callable

PER_SECOND = 1_000
"""One takes 0.1 to 0.2 ms, so together they take at most a fifth of a core."""


class FailureAllowance:
    """A token bucket that failures empty. Successes are free."""

    def __init__(self, elapsed: Callable[[], float], per_second: float = PER_SECOND) -> None:
        self._elapsed, self._per_second = elapsed, per_second
        self._level, self._updated_at = per_second, elapsed()

    def is_exhausted(self) -> bool:
        """Return whether no further verification is allowed now."""
        return self._refill() < 1

    def count_failure(self) -> None:
        """Count a failed verification."""
        self._level = self._refill() - 1

    def _refill(self) -> float:
        now = self._elapsed()
        growth = (now - self._updated_at) * self._per_second
        self._level, self._updated_at = min(self._per_second, self._level + growth), now
        return self._level
