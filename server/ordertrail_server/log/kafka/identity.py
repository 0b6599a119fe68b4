"""Whether a topic is still the one that was opened, and whole: one that was deleted and made again is another log."""

import asyncio
from collections.abc import Callable
from functools import partial

from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka import topic as kafka_topic
from ordertrail_server.log.kafka.findings import Known
from ordertrail_server.log.kafka.settings import Settings, admin_settings, made
from ordertrail_server.log.kafka.topic import TopicMissing
from ordertrail_server.log.port import LogDamaged, LogUnavailable


class KafkaIdentity:
    """Compares the topic with what was known of it; `lost` is told why, once it is no more that topic.

    `one_leader` says that each partition has had one replica all the time, so that no other broker could take the lead.
    """

    def __init__(
        self, settings: Settings, topic: str, known: Known, patience_s: float, lost: Callable[[LogDamaged], None]
    ) -> None:
        self._admin = made(AdminClient, admin_settings(settings))
        self.one_leader = known.replicas == 1
        self._topic, self._known, self._patience_s, self._lost = topic, known, patience_s, lost

    async def check(self) -> None:
        """Raise LogDamaged if the topic is no more what it was, LogUnavailable if nobody says."""
        why = await asyncio.to_thread(self._difference)
        if why is not None:
            damage = LogDamaged(f"the topic {self._topic} {why}")
            self._lost(damage)
            raise damage

    async def plainly(self, damage: LogDamaged) -> LogDamaged:
        """Return why the log is damaged: that the topic is no more what it was says more than what follows from it."""
        try:
            await self.check()
        except LogDamaged as why:
            return why
        except LogUnavailable:
            pass
        return damage

    def _difference(self) -> str | None:
        try:
            now = kafka_topic.surely(partial(kafka_topic.known, self._admin, self._topic, self._patience_s))
        except TopicMissing:
            return "was deleted"
        if now.identity != self._known.identity:
            return "was deleted and made again: it is another log now"
        if now.partitions != self._known.partitions:
            return f"has {now.partitions} partitions, and had {self._known.partitions}"
        self.one_leader = self.one_leader and now.replicas == 1
        return self._lost_beginning()

    def _lost_beginning(self) -> str | None:
        # Whoever only waits at the end would not notice. No broker, however far behind, tells of a later beginning.
        firsts = kafka_topic.first_offsets(self._admin, self._topic, self._known.partitions, self._patience_s)
        for partition, first in enumerate(firsts):
            if first > 0:
                return f"lost its beginning: partition {partition} begins at offset {first}"
        return None
