"""The search for a topic beside the topic of events, which a log of an earlier release does not have."""

import asyncio
import logging

from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.broker_wait import CONNECT_SECONDS
from ordertrail_server.log.kafka.findings import Topic
from ordertrail_server.log.kafka.renewable_client import RenewableClient
from ordertrail_server.log.kafka.settings import Settings
from ordertrail_server.log.kafka.threads import run_in_daemon_thread
from ordertrail_server.log.kafka.topic import TopicMissing, TopicRefused, describe_topic, query_topic_state
from ordertrail_server.log.kafka.topic_check import refuse_unsafe
from ordertrail_server.log.kafka.topic_kind import TopicKind
from ordertrail_server.log.port import LogUnavailable

_log = logging.getLogger("ordertrail_server.log.kafka.log")

SEARCH_SECONDS = 5.0

Absence = TopicMissing | LogUnavailable
"""The reason why a topic cannot be described."""


class TopicSearch:
    """Searches for a topic of this name and kind. Logs why it cannot be used when the reason changes."""

    def __init__(self, kind: TopicKind, settings: Settings, name: str, timeout_s: float) -> None:
        self._kind, self._settings, self._name, self._timeout_s = kind, settings, name, timeout_s
        self._reason = ""

    async def describe(self, connect_timeout_s: float = CONNECT_SECONDS) -> Topic | Absence:
        """Query the topic once, and return its description, or why there is none. Does not block."""
        return await run_in_daemon_thread(self._describe, connect_timeout_s)

    def check(self, description: Topic | Absence, events: Topic) -> Topic | None:
        """Return the topic if it exists; otherwise log why not. Raises TopicRefused if it is unsafe beside `events`."""
        if isinstance(description, Topic):
            refuse_unsafe(self._kind.inspect(description, events))
            return description
        is_missing, kind = isinstance(description, TopicMissing), self._kind
        _, problem, remedy = (
            kind.note_missing(self._name) if is_missing else kind.note_unreadable(self._name, description)
        )
        self._log_reason(f"{problem} {remedy}")
        return None

    async def run(self, admin: RenewableClient[AdminClient], events: Topic) -> Topic:
        """Search until the topic exists and is safe beside `events`, and return it."""
        while True:
            await asyncio.sleep(SEARCH_SECONDS)
            absence = await asyncio.to_thread(self._query_absence, admin)
            try:
                topic = self.check(absence or await self.describe(), events)
            except TopicRefused as refusal:
                self._log_reason(f"{self._kind.contents.capitalize()} are not stored: {refusal}")
            else:
                if topic is not None:
                    _log.info("%s are stored on the topic %s", self._kind.contents, topic.name)
                    return topic

    def _describe(self, connect_timeout_s: float) -> Topic | Absence:
        try:
            return describe_topic(self._settings, self._name, self._timeout_s, connect_timeout_s, attempts=1)
        except (TopicMissing, LogUnavailable) as absence:
            return _without_traceback(absence)

    def _query_absence(self, client: RenewableClient[AdminClient]) -> Absence | None:
        # One request of an existing client, because `describe` connects anew each time.
        try:
            with client.lend() as admin:
                query_topic_state(admin, self._name, self._timeout_s)
        except (TopicMissing, LogUnavailable) as absence:
            return _without_traceback(absence)
        return None

    def _log_reason(self, reason: str) -> None:
        if reason != self._reason:
            _log.warning("%s", reason)
            self._reason = reason


def _without_traceback(absence: Absence) -> Absence:
    # The frames of a traceback form cycles, and refer to a Kafka client with several threads. The garbage collector,
    # which rarely runs, would close it late.
    if absence.__cause__ is not None:
        absence.__cause__.with_traceback(None)
    return absence.with_traceback(None)
