"""Deadlines of loops that retry or poll."""

from time import monotonic


class Deadline:
    """The moment that is `seconds` from now, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._time = monotonic() + seconds

    def has_passed(self) -> bool:
        """Return whether the deadline has passed."""
        return monotonic() > self._time

    def remaining(self) -> float:
        """Return the seconds left, 0 after the deadline."""
        return max(self._time - monotonic(), 0.0)
