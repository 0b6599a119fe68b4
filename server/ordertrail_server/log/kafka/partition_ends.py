"""The ends of the partitions of a topic, and the calls that wait for an end to grow.

For an open log, only `PartitionEnds` answers this. It combines the ends that were seen before (`KnownEnds`), queries to
the brokers (`leader_offsets`), and the readers that wait at the ends for new records.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from confluent_kafka import KafkaException

from ordertrail_server.log.kafka.errors import UNKNOWN_TOPIC, OffsetOutOfRange, describe_error
from ordertrail_server.log.kafka.identity import KafkaIdentity
from ordertrail_server.log.kafka.known_ends import KnownEnds
from ordertrail_server.log.kafka.leader_offsets import FreshClientOffsets, LeaderOffsets
from ordertrail_server.log.kafka.readers import KafkaReaders
from ordertrail_server.log.kafka.threads import run_in_pool
from ordertrail_server.log.port import LogDamaged, LogUnavailable

# A replaced leader that does not know it yet may report an older, lower end for a moment.
STALE_SECONDS = 10.0
RETRY_SECONDS = 0.1
QUERY_THREADS = 4


class PartitionEnds:
    """The ends of all partitions of an open log. For one event loop."""

    def __init__(
        self,
        partitions: int,
        leader_offsets: LeaderOffsets,
        fresh_offsets: FreshClientOffsets,
        readers: KafkaReaders,
        identity: KafkaIdentity,
    ) -> None:
        self._leader_offsets, self._fresh_offsets = leader_offsets, fresh_offsets
        self._readers, self._identity = readers, identity
        self._query_threads = ThreadPoolExecutor(QUERY_THREADS, "end-query")
        self._known_ends = KnownEnds(partitions)
        self._growth = [asyncio.Event() for _ in range(partitions)]
        self._waiter_counts = [0] * partitions
        self._pollers: dict[int, asyncio.Task[None]] = {}
        self._failure: Exception | None = None

    def known_end(self, partition: int) -> int:
        """Return the highest end of the partition that is known, without a gap at the end."""
        return self._known_ends[partition]

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return the end of the gap that begins at `offset`; `offset` itself if none is known there."""
        return self._known_ends.skip_gap(partition, offset)

    async def fetch(self, partition: int, at_least: int = 0) -> int:
        """Return the partition's end, as of a moment after the call began. Query again while it is below a known end.

        `at_least` is an end that the caller knows. A known gap at the end is not counted. Raises LogDamaged if the end
        stays below a known end, LogUnavailable.
        """
        known_end = max(at_least, self.known_end(partition))
        deadline = asyncio.get_running_loop().time() + STALE_SECONDS
        while True:
            end = await self._query(partition, known_end)
            if end >= known_end:
                self.advance(partition, end)
                return self._known_ends.end_before_gap(partition, end)
            if asyncio.get_running_loop().time() > deadline:
                raise LogDamaged(
                    f"partition {partition} ends at offset {end}, and ended at {known_end} before: facts are lost, or "
                    "the only broker that answers is no longer its leader"
                )
            await asyncio.sleep(RETRY_SECONDS)
            self._raise_failure()

    async def refresh(self) -> None:
        """Query the ends of all partitions, so that waiters also notice records if their broker was replaced."""
        for partition, end in enumerate(await asyncio.to_thread(self._fresh_offsets.query_ends)):
            self.advance(partition, end)

    def advance(self, partition: int, end: int) -> None:
        """Raise the known end to an end that a broker reported, and wake the waiters."""
        if self._known_ends.advance(partition, end):
            self._wake_waiters(partition)

    def record_gap(self, partition: int, begin: int, end: int) -> None:
        """Note that there are no records at the offsets from `begin` to `end`, only transaction markers."""
        self._known_ends.record_gap(partition, begin, end)

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end is above `offset`. Raises the failure of `fail`, LogDamaged."""
        # A tail reader that already waits there notices a record by itself.
        if self.known_end(partition) <= offset and not self._readers.has_tail_at(
            partition, self.skip_gap(partition, offset)
        ):
            await self.fetch(partition)
        self._waiter_counts[partition] += 1
        try:
            while self.known_end(partition) <= offset:
                self._raise_failure()
                self._start_polling(partition)
                await self._growth[partition].wait()
        finally:
            self._waiter_counts[partition] -= 1

    async def explain_damage(self, partition: int, damage: LogDamaged) -> LogDamaged | LogUnavailable:
        """Return the cause of the damage that a read before the partition's known end found."""
        if isinstance(damage, OffsetOutOfRange):
            with suppress(LogDamaged):
                await self._identity.check()
                await self.fetch(partition)
                return LogUnavailable(f"partition {partition} was read from a broker that is no longer its leader")
        return await self._identity.find_root_cause(damage)

    def fail(self, failure: Exception) -> None:
        """Make every current and later waiter raise this failure."""
        self._failure = failure
        for partition in range(len(self._growth)):
            self._wake_waiters(partition)

    async def close(self) -> None:
        """Finish running queries, stop all polling and close the clients. Waiters get LogUnavailable."""
        self.fail(LogUnavailable("the log is closed"))
        if self._pollers:
            await asyncio.wait(self._pollers.values())
        await asyncio.to_thread(self._close_clients)

    def _close_clients(self) -> None:
        self._query_threads.shutdown()
        self._leader_offsets.close()

    async def _query(self, partition: int, known_end: int) -> int:
        try:
            return await run_in_pool(self._query_threads, self._leader_offsets.query_end, partition, known_end)
        except KafkaException as error:
            if error.args[0].code() in UNKNOWN_TOPIC:
                await self._identity.check()
            raise LogUnavailable(
                f"partition {partition} has no leader that answers: {describe_error(error.args[0])}"
            ) from error

    def _start_polling(self, partition: int) -> None:
        if partition not in self._pollers:
            self._pollers[partition] = asyncio.create_task(self._poll(partition))

    async def _poll(self, partition: int) -> None:
        try:
            while self._waiter_counts[partition] and self._failure is None:
                try:
                    await self._poll_once(partition)
                except LogUnavailable:
                    await asyncio.sleep(RETRY_SECONDS)
        except Exception as failure:  # damage, or a defect in this code: a waiter must not hang
            self.fail(failure)
        finally:
            del self._pollers[partition]

    async def _poll_once(self, partition: int) -> None:
        # Poll behind a gap: in front of it, each poll would return its transaction markers again.
        end = self.skip_gap(partition, self.known_end(partition))
        try:
            end = await self._readers.wait_for_growth(partition, end)
        except LogDamaged as damage:
            raise await self.explain_damage(partition, damage) from None
        self.advance(partition, end)
        await asyncio.sleep(0)  # let the waiters run first: they may stop waiting, and read the record

    def _wake_waiters(self, partition: int) -> None:
        # Setting and then clearing the event wakes the current waiters. Each of them checks the end again.
        self._growth[partition].set()
        self._growth[partition].clear()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
