"""Watches a log that others write to: whoever folds it is woken as soon as there is more."""

import asyncio
from collections.abc import Callable, Mapping

from ordertrail_server.log.port import Log, LogDamaged, LogUnavailable

# Batches of what comes in meanwhile cost less each than one after another.
PACE_S = 0.005
AGAIN_S = 0.5


class Growth:
    """Waits at the ends of all partitions."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: dict[int, asyncio.Task[None]] = {}

    def watch(self, positions: Mapping[int, int], wake: Callable[[], None]) -> None:
        """Call `wake` once a partition has a record at or behind its position. Partitions watched already still are."""
        for partition, offset in positions.items():
            if partition not in self._waiting:
                task = asyncio.create_task(self._grown(partition, offset, wake))
                self._waiting[partition] = task

    async def _grown(self, partition: int, offset: int, wake: Callable[[], None]) -> None:
        pace_s = PACE_S
        try:
            await self._log.wait(partition, offset)
        except (LogUnavailable, LogDamaged):  # which whoever is woken finds as well
            pace_s = AGAIN_S
        await asyncio.sleep(pace_s)
        del self._waiting[partition]
        wake()
