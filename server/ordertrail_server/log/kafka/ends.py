"""Where the partitions of a topic end, as far as is known, and who waits for more."""

import asyncio
from collections.abc import Awaitable, Callable

from ordertrail_server.log.port import LogDamaged, LogUnavailable

# A broker that leads no more, and does not know it yet, may for a moment tell of an end that lies further back.
STALE_SECONDS = 10.0
AGAIN_SECONDS = 0.1
NO_MARKERS = (-1, -1)

QueryEnd = Callable[[int, int], Awaitable[int]]
WaitForGrowth = Callable[[int, int], Awaitable[int]]


class KafkaEnds:
    """The ends of all partitions, of one event loop.

    `query` asks a partition's leader for its end, and gets the one that is known; `grown` waits a moment for an end
    beyond the one given.
    """

    def __init__(self, partitions: int, query: QueryEnd, wait_for_growth: WaitForGrowth) -> None:
        self._query, self._wait_for_growth = query, wait_for_growth
        self.known_ends = [0] * partitions
        self._markers: dict[int, tuple[int, int]] = {}
        self._growth = [asyncio.Event() for _ in range(partitions)]
        self._waiter_counts = [0] * partitions
        self._pollers: dict[int, asyncio.Task[None]] = {}
        self._failure: Exception | None = None

    async def fetch_end(self, partition: int, known_end: int = 0) -> int:
        """Return the partition's end, as of a moment after the call began, once it is no less than what is known of it.

        Markers that are known at the end lie behind it, and are heard of all the same. Raises LogDamaged if it goes on
        to be less, LogUnavailable.
        """
        known_end = max(known_end, self.known_ends[partition])
        deadline = asyncio.get_running_loop().time() + STALE_SECONDS
        while True:
            end = await self._query(partition, known_end)
            if end >= known_end:
                self.advance(partition, end)
                return self._end_before_markers(partition, end)
            if asyncio.get_running_loop().time() > deadline:
                raise LogDamaged(
                    f"partition {partition} ends at offset {end}, and ended at {known_end} before: facts are lost, or "
                    "no broker is reached but one that leads no more"
                )
            await asyncio.sleep(AGAIN_SECONDS)
            self._raise_failure()

    def advance(self, partition: int, end: int) -> None:
        """Take in an end that was seen."""
        end = self._end_before_markers(partition, end)
        if end > self.known_ends[partition]:
            self.known_ends[partition] = end
            self._wake_waiters(partition)

    def record_gap(self, partition: int, begin: int, end: int) -> None:
        """Take in that there are no records from `begin` to the end, only markers of somebody's transactions."""
        if self.known_ends[partition] <= end:  # else a record came meanwhile
            self._markers[partition] = (begin, end)
            self.known_ends[partition] = begin

    def gap_end(self, partition: int, offset: int) -> int:
        """Return where the markers end that begin at `offset`; `offset` itself if none are known there."""
        begin, end = self._markers.get(partition, NO_MARKERS)
        return end if begin == offset else offset

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end lies beyond `offset`. Raises what `fail` was told, and LogDamaged."""
        self._waiter_counts[partition] += 1
        try:
            while self.known_ends[partition] <= offset:
                self._raise_failure()
                self._start_polling(partition)
                await self._growth[partition].wait()
        finally:
            self._waiter_counts[partition] -= 1

    def fail(self, failure: Exception) -> None:
        """Have all who wait, now and later, raise this."""
        self._failure = failure
        for partition in range(len(self.known_ends)):
            self._wake_waiters(partition)

    async def close(self) -> None:
        """Return when nothing is watched any more; those who wait get LogUnavailable."""
        self.fail(LogUnavailable("the log is closed"))
        if self._pollers:
            await asyncio.wait(self._pollers.values())

    def _start_polling(self, partition: int) -> None:
        if partition not in self._pollers:
            self._pollers[partition] = asyncio.create_task(self._poll(partition))

    async def _poll(self, partition: int) -> None:
        try:
            while self._waiter_counts[partition] and self._failure is None:
                try:
                    # Before a gap whoever looks would be told of its markers, again and again.
                    here = self.gap_end(partition, self.known_ends[partition])
                    self.advance(partition, await self._wait_for_growth(partition, here))
                    await asyncio.sleep(0)  # who is told may wait no more, and will read where the record stands ready
                except LogUnavailable:
                    await asyncio.sleep(AGAIN_SECONDS)
        except Exception as failure:  # damage, or a defect of ours: whoever waits must not wait for ever
            self.fail(failure)
        finally:
            del self._pollers[partition]

    def _wake_waiters(self, partition: int) -> None:
        # Set and cleared at once, an event wakes those who wait now; each looks for itself.
        self._growth[partition].set()
        self._growth[partition].clear()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _end_before_markers(self, partition: int, end: int) -> int:
        begin, marked = self._markers.get(partition, NO_MARKERS)
        return begin if end == marked else end
