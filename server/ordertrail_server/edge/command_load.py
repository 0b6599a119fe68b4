"""Predicts how long a command would wait, and refuses those whose callers would wait too long.

A server that accepts more commands than it can handle answers all of them late, and spends its time on commands whose
callers have given up: at four times its capacity, two of three answers came too late (docs/decisions/0054). A command
that is refused before its request is read takes a fraction of that time, and leaves its caller the time to retry.
"""

from asyncio import Future
from collections.abc import Callable
from time import monotonic, thread_time

WAIT_SHARE = 0.1
"""The largest part of its time until the deadline that a command may be expected to wait."""

ALWAYS_S = 0.05
"""A wait that no command is refused for, in seconds: a short deadline alone does not mean overload."""

WINDOW_S = 0.1
BUSY = 8
"""A server is busy as long as at least so many commands run. Otherwise its other work counts for too much."""

WEIGHT = 0.3
"""The weight of a new measurement against all earlier ones."""


class CommandLoad:
    """The commands of one server that run, and the processor time that one takes.

    Time in which commands wait for the log does not count, because the log takes many at once. Calls without a deadline
    are never refused here: their callers wait for as long as it takes.
    """

    def __init__(
        self, clock: Callable[[], float] = monotonic, processor_clock: Callable[[], float] = thread_time
    ) -> None:
        """The clocks are in seconds and never go back. `processor_clock` is that of the event loop's thread."""
        self._clock, self._processor_clock = clock, processor_clock
        self._begin, self._processor_begin = clock(), processor_clock()
        self._running = self._fewest = self._ended_count = 0
        self._seconds = 0.0

    @property
    def wait_s(self) -> float:
        """How long a command that arrives now would wait, in seconds; 0 if the server was never busy."""
        return self._running * self._seconds

    def refuses(self, time_remaining: float | None) -> bool:
        """Return whether to refuse a command. `time_remaining` is the time until its deadline, None if it has none."""
        return time_remaining is not None and self.wait_s > max(WAIT_SHARE * time_remaining, ALWAYS_S)

    def note_begin(self) -> None:
        """Note that a command runs."""
        self._running += 1

    def note_end(self, _: "Future[None] | None" = None) -> None:
        """Note that a command has ended."""
        self._running -= 1
        self._ended_count += 1
        self._fewest = min(self._fewest, self._running)
        elapsed = self._clock() - self._begin
        if elapsed >= WINDOW_S:
            self._end_window(is_measured=elapsed < 2 * WINDOW_S)  # otherwise nothing ended for a while

    def _end_window(self, *, is_measured: bool) -> None:
        processor_end = self._processor_clock()
        if is_measured:
            self._measure((processor_end - self._processor_begin) / self._ended_count)
        self._begin, self._processor_begin = self._clock(), processor_end
        self._ended_count, self._fewest = 0, self._running

    def _measure(self, seconds: float) -> None:
        """Take in the time of one command. It takes less than that if the server was not busy."""
        if self._fewest < BUSY:
            self._seconds = min(self._seconds, seconds)
        elif self._seconds:
            self._seconds += WEIGHT * (seconds - self._seconds)
        else:
            self._seconds = seconds
