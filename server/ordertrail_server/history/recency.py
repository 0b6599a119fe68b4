"""Recency: the latest time as of which answers are known to be complete."""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import time_ns

from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.log.progress import Progress

PAUSE_S = 0.5

End = Callable[[int, int], Awaitable[int]]
"""Queries a partition's end offset, at least a known one; see `Log.end`."""


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

    async def run(self) -> None:
        """Refresh for ever, also while the log is unavailable. Raises LogDamaged."""
        while True:
            with suppress(LogUnavailable):
                await self.refresh()
            await sleep(PAUSE_S)

    async def refresh(self) -> None:
        """Wait until the read model includes everything that is in the log now. Raises LogUnavailable, LogDamaged."""
        queried_at = self._clock()
        await self._progress.wait_reached(await self._query_ends())
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
