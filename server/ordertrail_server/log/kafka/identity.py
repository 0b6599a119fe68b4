"""Checks that a topic is still complete and still the one that was opened. A re-created topic is another log."""

import asyncio
from collections.abc import Callable
from functools import partial

from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.findings import TopicState
from ordertrail_server.log.kafka.offset_queries import query_first_offsets
from ordertrail_server.log.kafka.renewable_client import RenewableClient
from ordertrail_server.log.kafka.topic import TopicMissing, query_topic_state, retry_missing
from ordertrail_server.log.port import LogDamaged, LogUnavailable


class KafkaIdentity:
    """Compares the topic with its state at the start, and calls `on_lost` with the reason once they differ.

    `has_one_leader`: each partition had one replica all the time, so no other broker can have become its leader. If
    the topic `may_be_cut`, it may lose its beginning.
    """

    def __init__(
        self,
        admin: RenewableClient[AdminClient],
        topic: str,
        expected: TopicState,
        timeout_s: float,
        on_lost: Callable[[LogDamaged], None],
        *,
        may_be_cut: bool = False,
    ) -> None:
        self.has_one_leader = expected.replicas == 1
        self._admin, self._topic, self._expected = admin, topic, expected
        self._timeout_s, self._on_lost, self._may_be_cut = timeout_s, on_lost, may_be_cut

    async def check(self) -> None:
        """Raise LogDamaged if the topic is no longer the same, LogUnavailable if no broker answers."""
        description = await asyncio.to_thread(self._describe_difference)
        if description is not None:
            damage = LogDamaged(f"the topic {self._topic} {description}")
            self._on_lost(damage)
            raise damage

    async def find_root_cause(self, damage: LogDamaged) -> LogDamaged:
        """Return the reason for the damage: that the topic was replaced, if it was; otherwise `damage` itself."""
        try:
            await self.check()
        except LogDamaged as description:
            return description
        except LogUnavailable:
            pass
        return damage

    def _describe_difference(self) -> str | None:
        with self._admin.lend() as admin:
            return self._describe_difference_with(admin)

    def _describe_difference_with(self, admin: AdminClient) -> str | None:
        try:
            current = retry_missing(partial(query_topic_state, admin, self._topic, self._timeout_s))
        except TopicMissing:
            return "was deleted"
        if current.identity != self._expected.identity:
            return "was deleted and created again, so it is another log now"
        if current.partitions != self._expected.partitions:
            return f"has {current.partitions} partitions, and had {self._expected.partitions}"
        self.has_one_leader = self.has_one_leader and current.replicas == 1
        return None if self._may_be_cut else self._describe_lost_beginning(admin)

    def _describe_lost_beginning(self, admin: AdminClient) -> str | None:
        # A reader that waits at the end does not notice this. A broker that lags never reports a later beginning.
        first_offsets = query_first_offsets(admin, self._topic, self._expected.partitions, self._timeout_s)
        for partition, first in enumerate(first_offsets):
            if first > 0:
                return f"lost its beginning: partition {partition} begins at offset {first}"
        return None
