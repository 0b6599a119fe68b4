"""Whether others write to a partition too, as far as a writer can tell by itself."""

from collections.abc import Callable

# So long after a record of others was seen, more of them are expected.
COMPANY_S = 10.0
# A writer that appended for so long without meeting anyone, and never paused longer than PAUSE_S, is alone. Two that
# take turns each find the other's record between two batches of their own, however short the pauses between.
SOLO_S, PAUSE_S = 1.0, 0.05


class Company:
    """What a writer knows of others. Alone, it need not ask for the end of the log before it decides.

    To be wrong costs a void record or a question, never more. On a log that is not `shared` the first batch tells.
    `clock` is in seconds and never goes back.
    """

    def __init__(self, shared: bool, clock: Callable[[], float]) -> None:
        self._shared, self._clock = shared, clock
        self._met = -COMPANY_S
        self._first = self._last = -COMPANY_S
        self._solo = False

    @property
    def alone(self) -> bool:
        """Whether nobody else is held to write."""
        if not self._shared:
            return self._solo
        now = self._clock()
        return self._solo and now - self._last <= PAUSE_S and now - self._first >= SOLO_S

    def met(self) -> None:
        """Records of others were seen, or may have been."""
        self._solo, self._met = False, self._clock()

    def unmet(self) -> None:
        """A batch was appended, and nobody had written since the state that it was decided on."""
        if not self._shared:
            self._solo = True
            return
        now = self._clock()
        if now - self._met < COMPANY_S:
            return
        if not self._solo or now - self._last > PAUSE_S:
            self._solo, self._first = True, now
        self._last = now
