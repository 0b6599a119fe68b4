"""Recency: the latest time as of which answers are known to be complete."""

from asyncio import sleep
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from time import time_ns

from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.log.progress import Progress

PAUSE_S = 0.5

End = Callable[[int, int], Awaitable[int]]
"""Queries a partition's end offset, at least a known one; see `Log.end`."""


class FollowingRecency:
    """The recency of another projection than that of a Recency, which may be further behind or have stopped.

    It uses the ends that the Recency queries. `current_at` is as there.
    """

    def __init__(self, progress: Progress, seen_at: int | None = None) -> None:
        self._progress, self._current_at = progress, seen_at
        self._awaited: tuple[int, Mapping[int, int]] | None = None

    @property
    def current_at(self) -> int | None:
        """Nanoseconds since the epoch: a read that begins now includes everything that was in the log then."""
        self._advance()
        return self._current_at

    def note_ends(self, queried_at: int, ends: Mapping[int, int]) -> None:
        """Note the ends of the log. Later ones are ignored until the projection includes them."""
        self._advance()
        if self._awaited is None:
            self._awaited = queried_at, ends

    def _advance(self) -> None:
        if self._awaited is not None and self._progress.has_reached(self._awaited[1]):
            self._current_at, self._awaited = self._awaited[0], None


class Recency:
    """Queries the log's ends repeatedly, and waits until the read model includes them.

    `seen_at` is when the ends at the server's start were queried, in nanoseconds since the epoch.
    """

    def __init__(
        self,
        end: End,
        partitions: int,
        progress: Progress,
        *,
        seen_at: int | None = None,
        clock: Callable[[], int] = time_ns,
    ) -> None:
        self._end, self._partitions, self._progress, self._clock = end, partitions, progress, clock
        self.current_at = seen_at
        """Nanoseconds since the epoch: a read that begins now includes everything that was in the log then."""
        self._followers: list[FollowingRecency] = []

    def add_follower(self, follower: FollowingRecency) -> None:
        """Have a follower note the ends that are queried from now on."""
        self._followers.append(follower)

    async def run(self) -> None:
        """Refresh for ever, also while the log is unavailable. Raises LogDamaged."""
        while True:
            with suppress(LogUnavailable):
                await self.refresh()
            await sleep(PAUSE_S)

    async def refresh(self) -> None:
        """Wait until the read model includes everything that is in the log now. Raises LogUnavailable, LogDamaged."""
        queried_at = self._clock()
        ends = await self._query_ends()
        for follower in self._followers:
            follower.note_ends(queried_at, ends)
        await self._progress.wait_reached(ends, is_urgent=False)
        self.current_at = queried_at

    def age_of(self, current_at: int) -> int:
        """Return how many nanoseconds have passed since `current_at`; 0 if the clock was set back since."""
        return max(0, self._clock() - current_at)

    async def _query_ends(self) -> dict[int, int]:
        # One after another, because queries of an unavailable log block, and commands query it as well.
        positions = self._progress.positions
        return {
            partition: await self._end(partition, positions.get(partition, 0)) for partition in range(self._partitions)
        }
