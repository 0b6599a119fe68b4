"""The circuit breaker of a webhook: after many failures in a row, its receiver is left alone for a while.

Pure: time, in seconds of any clock that does not go back, is an argument.
"""

from enum import Enum

FAILURES = 5
"""So many deliveries must have failed, one after the other and all different, until the circuit opens."""

FIRST_PAUSE_S, MAX_PAUSE_S = 10.0, 600.0


class Circuit(Enum):
    """Whether deliveries are attempted."""

    CLOSED = "closed"
    """All are."""

    OPEN = "open"
    """None is."""

    HALF_OPEN = "half open"
    """One is, to learn whether the receiver works again."""


class CircuitBreaker:
    """Counts failures of different deliveries, so that one delivery that always fails does not open the circuit."""

    def __init__(self) -> None:
        self.circuit = Circuit.CLOSED
        self.retry_at = 0.0
        self._failed: set[int] = set()
        self._pause_s = FIRST_PAUSE_S

    def allowed(self, max_in_flight: int) -> int:
        """Return how many deliveries may be in flight."""
        return {Circuit.CLOSED: max_in_flight, Circuit.OPEN: 0, Circuit.HALF_OPEN: 1}[self.circuit]

    def note_success(self) -> None:
        """Note that a delivery succeeded: the circuit closes."""
        self.circuit, self._pause_s = Circuit.CLOSED, FIRST_PAUSE_S
        self._failed.clear()

    def note_failure(self, position: int, now: float) -> None:
        """Note that the delivery of the event at a position failed: the circuit may open."""
        if self.circuit == Circuit.HALF_OPEN:
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
            self._open(now)
        elif self.circuit == Circuit.CLOSED:
            self._failed.add(position)
            if len(self._failed) >= FAILURES:
                self._open(now)

    def note_time(self, now: float) -> None:
        """Let one delivery try the receiver once the pause is over."""
        if self.circuit == Circuit.OPEN and now >= self.retry_at:
            self.circuit = Circuit.HALF_OPEN

    def _open(self, now: float) -> None:
        self.circuit, self.retry_at = Circuit.OPEN, now + self._pause_s
        self._failed.clear()
