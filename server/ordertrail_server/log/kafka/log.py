"""The log on Kafka: a topic of events, and beside it a topic of submitted commands."""

import asyncio
from contextlib import suppress
from typing import Self

from ordertrail_server.log.kafka.broker_wait import CONNECT_SECONDS
from ordertrail_server.log.kafka.findings import Topic, inspect_topic
from ordertrail_server.log.kafka.producer import HeadersOf, KafkaProducer, TopicProducer
from ordertrail_server.log.kafka.settings import Settings
from ordertrail_server.log.kafka.statistics import KafkaStatistics
from ordertrail_server.log.kafka.threads import run_in_daemon_thread
from ordertrail_server.log.kafka.topic import describe_topic
from ordertrail_server.log.kafka.topic_check import refuse_unsafe
from ordertrail_server.log.kafka.topic_kind import COMMANDS
from ordertrail_server.log.kafka.topic_log import TopicLog
from ordertrail_server.log.kafka.topic_search import TopicSearch
from ordertrail_server.log.topic_name import ORDER_EVENTS


class KafkaLog(TopicLog):
    """The open log of events. Create it with `open`. One producer appends to all topics."""

    def __init__(
        self,
        settings: Settings,
        events: Topic,
        headers_of: HeadersOf | None,
        timeout_s: float,
        statistics: KafkaStatistics | None = None,
    ) -> None:
        self.commands: TopicLog | None = None
        self.statistics = statistics
        self.settings, self.events, self._timeout_s = settings, events, timeout_s
        self._shared_producer = None if headers_of is None else KafkaProducer(settings, statistics)
        self._search: asyncio.Task[None] | None = None
        producer = self.producer_of(events.name, headers_of)
        super().__init__(settings, events, producer, asyncio.get_running_loop().create_future(), timeout_s)

    @classmethod
    async def open(
        cls,
        settings: Settings,
        topic: str = ORDER_EVENTS,
        *,
        headers_of: HeadersOf | None = lambda _: [],
        commands_topic: str = "",
        commands_headers_of: HeadersOf = lambda _: [],
        timeout_s: float = 10.0,
        connect_timeout_s: float = CONNECT_SECONDS,
        statistics: KafkaStatistics | None = None,
    ) -> Self:
        """Open the log on a topic, which must be safe: see `inspect_topic`.

        `settings` are librdkafka's, with bootstrap.servers. `headers_of` builds a message's headers from its value;
        without it, the log is read-only. While `commands_topic` does not exist, the log searches for it regularly;
        without that name, `commands` stays None. A query or read that no broker answers fails after `timeout_s`, the
        first one after `connect_timeout_s`. Raises TopicRefused, KafkaSettingRefused, LogUnavailable.
        """
        opening = run_in_daemon_thread(describe_topic, settings, topic, timeout_s, connect_timeout_s)
        if not commands_topic:
            events = await opening
            refuse_unsafe(inspect_topic(events))
            return cls(settings, events, headers_of, timeout_s, statistics)
        search = TopicSearch(COMMANDS, settings, commands_topic, timeout_s)
        events, description = await asyncio.gather(opening, search.describe(connect_timeout_s))
        refuse_unsafe(inspect_topic(events))
        commands = search.check(description, events)
        log = cls(settings, events, headers_of, timeout_s, statistics)
        if commands is None:
            log._search = asyncio.create_task(log._find_commands(search, events, commands_headers_of))
        else:
            log._open_commands(commands, commands_headers_of)
        return log

    async def raise_on_loss(self) -> None:
        """Never return. Raise LogDamaged once one of the topics is no longer the one that was opened."""
        await asyncio.shield(self._loss)

    async def close(self) -> None:
        """Finish running calls, and release all resources, also of `commands`. Waiters get LogUnavailable."""
        if self._search is not None:
            self._search.cancel()
            with suppress(asyncio.CancelledError):
                await self._search
        if self.commands is not None:
            await self.commands.close()
        await super().close()
        if self._shared_producer is not None:
            await asyncio.to_thread(self._shared_producer.close)

    async def _find_commands(self, search: TopicSearch, events: Topic, headers_of: HeadersOf) -> None:
        self._open_commands(await search.run(self._admin, events), headers_of)

    def _open_commands(self, topic: Topic, headers_of: HeadersOf) -> None:
        producer = self.producer_of(topic.name, headers_of)
        self.commands = TopicLog(self.settings, topic, producer, self._loss, self._timeout_s)

    def producer_of(self, topic: str, headers_of: HeadersOf | None) -> TopicProducer | None:
        """Return the producer of another topic, until the log is closed; None if the log is read-only."""
        if self._shared_producer is None or headers_of is None:
            return None
        return TopicProducer(self._shared_producer, topic, headers_of)
