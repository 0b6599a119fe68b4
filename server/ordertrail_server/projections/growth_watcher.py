"""Watches a log that other processes append to, and wakes the projector when it has grown."""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from ordertrail_server.log.port import Log, LogDamaged, LogUnavailable

# The least time between two wake-ups: under load, fewer and larger batches take less CPU time.
PACE_S = 0.02
RETRY_S = 0.5


class GrowthWatcher:
    """Waits at the ends of all partitions; calls `wake` when one has grown."""

    def __init__(self, log: Log, wake: Callable[[], None]) -> None:
        self._log, self._wake = log, wake
        self._waits: dict[int, asyncio.Task[None]] = {}
        self._woken_at = -PACE_S

    def watch(self, positions: Mapping[int, int]) -> None:
        """Wait for a record at or behind each partition's position; a wait that is already running continues."""
        for partition, offset in positions.items():
            if partition not in self._waits:
                self._waits[partition] = asyncio.create_task(self._wait(partition, offset))
                self._waits[partition].add_done_callback(lambda _: self._wake())

    def take_grown(self) -> set[int]:
        """Return the partitions that have grown since the last call; `watch` them again.

        Raises the error of a failed wait, because the partition would otherwise never be folded again.
        """
        grown = {partition for partition, waiting in self._waits.items() if waiting.done()}
        for partition in grown:
            self._waits.pop(partition).result()
        return grown

    async def _wait(self, partition: int, offset: int) -> None:
        try:
            await self._log.wait(partition, offset)
            await asyncio.sleep(self._woken_at + PACE_S - monotonic())
        except (LogUnavailable, LogDamaged):  # the projector gets the same error
            await asyncio.sleep(RETRY_S)
        self._woken_at = monotonic()
