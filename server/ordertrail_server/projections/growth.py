"""Watches a log that others write to: whoever folds it is woken as soon as there is more."""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from ordertrail_server.log.port import Log, LogDamaged, LogUnavailable

# Once woken, so long nobody is woken again: under load, larger batches leave more of the machine to others.
PACE_S = 0.02
AGAIN_S = 0.5


class Growth:
    """Waits at the ends of all partitions; `wake` is called when one has grown."""

    def __init__(self, log: Log, wake: Callable[[], None]) -> None:
        self._log, self._wake = log, wake
        self._waiting: dict[int, asyncio.Task[None]] = {}
        self._woken = -PACE_S

    def watch(self, positions: Mapping[int, int]) -> None:
        """Wait for a record at or behind each partition's position; where one is waited for already, it still is."""
        for partition, offset in positions.items():
            if partition not in self._waiting:
                self._waiting[partition] = asyncio.create_task(self._wait(partition, offset))
                self._waiting[partition].add_done_callback(lambda _: self._wake())

    def grown(self) -> set[int]:
        """Return the partitions that have grown since they were asked for last; they are to be watched anew.

        Raises what a wait ended with, if that was a fault: unheard of, the partition would stand still for ever.
        """
        grown = {partition for partition, waiting in self._waiting.items() if waiting.done()}
        for partition in grown:
            self._waiting.pop(partition).result()
        return grown

    async def _wait(self, partition: int, offset: int) -> None:
        try:
            await self._log.wait(partition, offset)
            await asyncio.sleep(self._woken + PACE_S - monotonic())
        except (LogUnavailable, LogDamaged):  # which whoever is woken finds as well
            await asyncio.sleep(AGAIN_S)
        self._woken = monotonic()
