"""The log on one Kafka topic, which any number of servers append to and read at the same time."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.call_arguments import check_partition, check_range
from ordertrail_server.log.kafka.findings import Topic, TopicState
from ordertrail_server.log.kafka.identity import KafkaIdentity
from ordertrail_server.log.kafka.leader_offsets import FreshClientOffsets, LeaderOffsets
from ordertrail_server.log.kafka.partition_ends import STALE_SECONDS, PartitionEnds
from ordertrail_server.log.kafka.producer import TopicProducer
from ordertrail_server.log.kafka.readers import KafkaReaders
from ordertrail_server.log.kafka.renewable_client import RenewableClient
from ordertrail_server.log.kafka.settings import Settings, admin_settings, create_client, reader_settings
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.port import Capabilities, Entry, LogDamaged, Logged, LogUnavailable

_log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
UNUSED_SECONDS = 5.0


class TopicLog:
    """An open log on a topic that is safe: see `inspect_topic`.

    `producer` appends to the topic; without one, the log is read-only. `loss` is done once the topic is no longer the
    one that was opened. A query or read that no broker answers fails after `timeout_s`. Raises KafkaSettingRefused.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        producer: TopicProducer | None,
        loss: asyncio.Future[None],
        timeout_s: float,
    ) -> None:
        self.identity, self.topic, self.partitions = topic.identity, topic.name, len(topic.replicas)
        state = TopicState(topic.identity, self.partitions, max(topic.replicas))
        self._failure: Exception | None = None
        self._producer, self._loss = producer, loss
        consumer_settings = reader_settings(settings)
        self._readers = KafkaReaders(settings, topic.name, self.partitions, timeout_s)
        self._admin = RenewableClient(lambda: create_client(AdminClient, admin_settings(settings)))
        self._identity = KafkaIdentity(self._admin, topic.name, state, timeout_s, self._fail)
        self._ends = PartitionEnds(
            self.partitions,
            LeaderOffsets(lambda: create_client(Consumer, consumer_settings), topic.name, self.partitions, timeout_s),
            FreshClientOffsets(settings, topic.name, self.partitions, timeout_s),
            self._readers,
            self._identity,
        )
        self._monitoring = asyncio.create_task(self._monitor())

    @property
    def lineage(self) -> Lineage:
        """A topic continues no other log."""
        return Lineage(self.identity, self.partitions)

    @property
    def capabilities(self) -> Capabilities:
        """Appends are not atomic. Ends are current if no other broker can replace the leader that reports them."""
        return Capabilities(
            atomic_append=False, current_end=self._identity.has_one_leader, max_end_staleness_seconds=STALE_SECONDS
        )

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the offset that the partition's next record will get, as of a moment after the call began."""
        self._check(partition)
        return await self._ends.fetch(partition, at_least)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries in order; records of other writers may be stored between them.

        Raises AppendUncertain if some or all may be stored now or later; LogUnavailable if none is or will be stored.
        """
        self._check(partition)
        if not entries:
            return []
        if self._producer is None:
            raise PermissionError("this process follows the log; it was not opened to append to it")
        known_end = self._ends.known_end(partition)
        offsets = await self._producer.append(partition, entries)
        if min(offsets) < known_end:
            raise await self._identity.find_root_cause(
                LogDamaged(f"partition {partition} had {known_end} records, and a new one got offset {min(offsets)}")
            )
        self._ends.advance(partition, max(offsets) + 1)
        return offsets

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records (at least 1) from `offset` on. Raises LogDamaged, LogUnavailable."""
        self._check(partition)
        check_range(offset, limit)
        end = self._ends.known_end(partition)
        if offset >= end:
            end = await self._ends.fetch(partition)
        if offset >= end:
            return []
        try:
            records, end = await self._readers.read(partition, offset, limit, end)
        except LogDamaged as damage:
            raise await self._ends.explain_damage(partition, damage) from None
        if records:
            self._ends.advance(partition, end)
        else:
            self._ends.record_gap(partition, offset, end)
        return records

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return the end of the transaction markers at `offset`; `offset` itself if reads found none there."""
        return self._ends.skip_gap(partition, offset)

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end lies beyond `offset`."""
        self._check(partition)
        await self._ends.wait(partition, offset)

    async def close(self) -> None:
        """Finish running calls, and release all resources but the producer. Waiters get LogUnavailable."""
        if isinstance(self._failure, LogUnavailable):
            return
        self._failure = LogUnavailable("the log is closed")
        self._monitoring.cancel()
        with suppress(asyncio.CancelledError):
            await self._monitoring
        await self._ends.close()
        await asyncio.to_thread(self._readers.close)

    async def _monitor(self) -> None:
        """Check regularly whether the topic is still the one that was opened, and query its ends."""
        while self._failure is None:
            await asyncio.sleep(CHECK_SECONDS)
            await asyncio.to_thread(self._readers.close_unused, UNUSED_SECONDS)
            for work in self._identity.check, self._ends.refresh:
                with suppress(LogUnavailable, LogDamaged):
                    await work()

    def _fail(self, damage: LogDamaged) -> None:
        if self._failure is None:
            _log.critical("%s", damage)
            self._failure = damage
            self._ends.fail(damage)
            if not self._loss.done():
                self._loss.set_exception(damage)
                self._loss.exception()  # mark it as retrieved

    def _check(self, partition: int) -> None:
        if self._failure is not None:
            raise self._failure
        check_partition(partition, self.partitions)
