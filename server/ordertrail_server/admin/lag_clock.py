"""How far something that follows the log is behind it, in records and in seconds."""

from collections import deque
from collections.abc import Mapping

MAX_ENDS = 64


class LagClock:
    """The lag behind one partition. Times are in nanoseconds of any clock. `now` is the time of the start.

    `seconds` is the time since the follower was last known to include the whole partition, and 0 while it includes the
    last known end of it. So it is at most a sampling period too long or too short, and for a lag of many periods at
    most a thirtieth, because only some of the ends are remembered.
    """

    def __init__(self, now: int) -> None:
        self._current_at = now
        self._position = self._end = 0
        self._awaited: deque[tuple[int, int]] = deque()
        self._stride = self._noted_count = 1

    def note_position(self, position: int) -> None:
        """Note the offset before which the follower includes everything. It goes back in a fold from the start."""
        self._position = position
        self._advance()

    def note_end(self, queried_at: int, end: int) -> None:
        """Note the end of the partition at a time."""
        self._end = end
        if self._awaited and self._awaited[-1][1] == end:
            self._awaited[-1] = queried_at, end
        else:
            self._remember(queried_at, end)
        self._advance()

    def _remember(self, queried_at: int, end: int) -> None:
        if len(self._awaited) == MAX_ENDS:
            self._awaited, self._stride = deque(list(self._awaited)[::2]), 2 * self._stride
        self._noted_count += 1
        if not self._awaited or self._noted_count % self._stride == 0:
            self._awaited.append((queried_at, end))

    @property
    def records(self) -> int:
        """The number of records that the follower lacks."""
        return max(0, self._end - self._position)

    def seconds(self, now: int) -> float:
        """Return the lag in seconds."""
        return max(0, now - self._current_at) / 1e9 if self.records else 0.0

    def _advance(self) -> None:
        while self._awaited and self._position >= self._awaited[0][1]:
            self._current_at, _ = self._awaited.popleft()
        if not self._awaited:
            self._stride = 1


def set_positions(clocks: Mapping[int, LagClock], positions: Mapping[int, int]) -> None:
    """Note the positions of a follower, by partition; an absent one is at 0."""
    for partition, clock in clocks.items():
        clock.note_position(positions.get(partition, 0))
