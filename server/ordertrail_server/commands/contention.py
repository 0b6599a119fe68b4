"""Detects whether other writers append to the same partition, from what this writer observes."""

from collections.abc import Callable

# How long after another writer's record further ones are expected.
CONTENTION_S = 10.0
# A writer is the sole writer if it appended for SOLO_S without observing another one, and never paused longer than
# PAUSE_S. If two writers take turns, each observes a record of the other between two of its own batches, even without
# pauses.
SOLO_S, PAUSE_S = 1.0, 0.05


class Contention:
    """What a writer has observed of other writers. A sole writer need not query the end of the log before it decides.

    A wrong guess costs a void record or a query, never more. If the log is not `shared`, the first batch decides.
    `clock` is in seconds and never goes back.
    """

    def __init__(self, shared: bool, clock: Callable[[], float]) -> None:
        self._shared, self._clock = shared, clock
        self._observed_at = -CONTENTION_S
        self._first = self._last = -CONTENTION_S
        self._solo = False

    @property
    def is_sole_writer(self) -> bool:
        """True if this is the only active writer of the partition."""
        if not self._shared:
            return self._solo
        now = self._clock()
        return self._solo and now - self._last <= PAUSE_S and now - self._first >= SOLO_S

    def observed(self) -> None:
        """Note that another writer's records were read, or may have been appended."""
        self._solo, self._observed_at = False, self._clock()

    def absent(self) -> None:
        """Note that a batch was appended right after the records that it was decided on."""
        if not self._shared:
            self._solo = True
            return
        now = self._clock()
        if now - self._observed_at < CONTENTION_S:
            return
        if not self._solo or now - self._last > PAUSE_S:
            self._solo, self._first = True, now
        self._last = now
