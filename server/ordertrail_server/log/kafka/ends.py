"""The known end offsets of a topic's partitions, and the calls that wait for these to grow."""

import asyncio
from collections.abc import Awaitable, Callable

from ordertrail_server.log.port import LogDamaged, LogUnavailable

# A replaced leader that does not know it yet may report an older, lower end for a moment.
STALE_SECONDS = 10.0
AGAIN_SECONDS = 0.1
NO_MARKERS = (-1, -1)

QueryEnd = Callable[[int, int], Awaitable[int]]
WaitForGrowth = Callable[[int, int], Awaitable[int]]


class KafkaEnds:
    """The ends of all partitions, for one event loop.

    `query(partition, known_end)` asks the partition's leader for its end. `wait_for_growth(partition, end)` waits a
    moment for an end above `end`.
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
        """Return the partition's end, as of a moment after the call began. Ask again while it is below the known end.

        Transaction markers that are known to lie at the end are not counted. Raises LogDamaged if the end stays below
        the known end, LogUnavailable.
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
        """Raise the known end to an end that a broker reported, and wake the waiters."""
        end = self._end_before_markers(partition, end)
        if end > self.known_ends[partition]:
            self.known_ends[partition] = end
            self._wake_waiters(partition)

    def record_gap(self, partition: int, begin: int, end: int) -> None:
        """Record that the offsets from `begin` to `end` hold no records, only transaction markers."""
        if self.known_ends[partition] <= end:  # else a record arrived meanwhile
            self._markers[partition] = (begin, end)
            self.known_ends[partition] = begin

    def gap_end(self, partition: int, offset: int) -> int:
        """Return the end of the transaction markers that begin at `offset`; `offset` itself if none are known."""
        begin, end = self._markers.get(partition, NO_MARKERS)
        return end if begin == offset else offset

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end is above `offset`. Raises the failure of `fail`, LogDamaged."""
        self._waiter_counts[partition] += 1
        try:
            while self.known_ends[partition] <= offset:
                self._raise_failure()
                self._start_polling(partition)
                await self._growth[partition].wait()
        finally:
            self._waiter_counts[partition] -= 1

    def fail(self, failure: Exception) -> None:
        """Make every current and later waiter raise this failure."""
        self._failure = failure
        for partition in range(len(self.known_ends)):
            self._wake_waiters(partition)

    async def close(self) -> None:
        """Stop all polling. Waiters get LogUnavailable."""
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
                    # Poll behind a gap: in front of it, each poll would return its markers again.
                    here = self.gap_end(partition, self.known_ends[partition])
                    self.advance(partition, await self._wait_for_growth(partition, here))
                    await asyncio.sleep(0)  # let the waiters run first: they may stop waiting, and read the record
                except LogUnavailable:
                    await asyncio.sleep(AGAIN_SECONDS)
        except Exception as failure:  # damage, or a defect in this code: a waiter must not hang
            self.fail(failure)
        finally:
            del self._pollers[partition]

    def _wake_waiters(self, partition: int) -> None:
        # Set and then clear wakes the current waiters. Each of them checks the end again.
        self._growth[partition].set()
        self._growth[partition].clear()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _end_before_markers(self, partition: int, end: int) -> int:
        begin, marked = self._markers.get(partition, NO_MARKERS)
        return begin if end == marked else end
