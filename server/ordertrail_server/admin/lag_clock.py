"""How far something that follows the log is behind it, in records and in seconds."""

from collections.abc import Mapping


class LagClock:
    """The lag behind one partition. Times are in nanoseconds of any clock. `now` is the time of the start.

    `seconds` is the time since the follower was last known to include the whole partition, and 0 while it includes the
    last known end of it. So it is at most a sampling period too long or too short.
    """

    def __init__(self, now: int) -> None:
        self._current_at = now
        self._position = self._end = 0
        self._awaited: tuple[int, int] | None = None

    def note_position(self, position: int) -> None:
        """Note the offset before which the follower includes everything. It goes back in a fold from the start."""
        self._position = position
        self._advance()

    def note_end(self, queried_at: int, end: int) -> None:
        """Note the end of the partition. The first one that the follower does not include yet is awaited."""
        self._end = end
        self._advance()
        if self._awaited is None:
            self._awaited = queried_at, end
            self._advance()

    @property
    def records(self) -> int:
        """The number of records that the follower lacks."""
        return max(0, self._end - self._position)

    def seconds(self, now: int) -> float:
        """Return the lag in seconds."""
        return max(0, now - self._current_at) / 1e9 if self.records else 0.0

    def _advance(self) -> None:
        if self._awaited is not None and self._position >= self._awaited[1]:
            self._current_at, self._awaited = self._awaited[0], None


def set_positions(clocks: Mapping[int, LagClock], positions: Mapping[int, int]) -> None:
    """Note the positions of a follower, by partition; an absent one is at 0."""
    for partition, clock in clocks.items():
        clock.note_position(positions.get(partition, 0))
