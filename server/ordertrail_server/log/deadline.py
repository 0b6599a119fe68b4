"""Deadlines of loops that retry or poll."""

from time import monotonic


class Deadline:
    """The moment so many seconds from now, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._time = monotonic() + seconds

    def has_passed(self) -> bool:
        """Return whether the moment is over."""
        return monotonic() > self._time

    def remaining(self) -> float:
        """Return the seconds left, 0 if the moment is over."""
        return max(self._time - monotonic(), 0.0)
