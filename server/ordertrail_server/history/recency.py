"""How old answers are: until when they are known to include all that the log held."""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import time_ns

from ordertrail_server.history.progress import Progress
from ordertrail_server.log.port import LogUnavailable

PAUSE_S = 0.5

End = Callable[[int, int], Awaitable[int]]
"""Asks the log for a partition's end, no less than one that is known; see `Log.end`."""


class Recency:
    """Asks the log for its ends again and again, and waits until the read model has come there.

    `seen_at` is when the ends were asked for before which no read is answered, in nanoseconds since the epoch.
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
        """Nanoseconds since the epoch: a read that begins now includes all that the log held then."""

    async def keep(self) -> None:
        """Look for ever, also while the log is away. Raises LogDamaged."""
        while True:
            with suppress(LogUnavailable):
                await self.look()
            await sleep(PAUSE_S)

    async def look(self) -> None:
        """Return when the read model includes all that the log holds now. Raises LogUnavailable, LogDamaged."""
        asked_at = self._clock()
        await self._progress.wait_reached(await self._ends())
        self.current_at = asked_at

    def age_of(self, current_at: int) -> int:
        """Return how many nanoseconds have passed since `current_at`; 0 if the clock was set back since."""
        return max(0, self._clock() - current_at)

    async def _ends(self) -> dict[int, int]:
        # One after another: a log that is away keeps whoever asks waiting, and commands have questions as well.
        positions = self._progress.positions
        return {
            partition: await self._end(partition, positions.get(partition, 0)) for partition in range(self._partitions)
        }
