"""Membership in a consumer group whose one partition names the server that works. Nothing is fetched."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from threading import Thread
from time import monotonic, sleep
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from ordertrail_server.log.kafka.errors import describe_error
from ordertrail_server.log.kafka.settings import Settings, create_client, group_settings, session_seconds
from ordertrail_server.log.kafka.threads import call_with_limit

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
REVOKE_SECONDS = 8.0
"""How long the group waits for the work of a server that must hand the partition over."""

RETRY_SECONDS = 1.0
CHECK_SECONDS, ANSWER_SECONDS = 2.0, 1.0
"""How often a broker must answer the member, and how long it may take."""

CALL_SECONDS, CLOSE_SECONDS = 2.0, 2.0 + REVOKE_SECONDS
"""A call that takes longer may never return."""


class GroupMembership:
    """A member of the group, until `leave`. The group only says which server should work; it makes nothing safe.

    `on_assigned` and `on_revoked` run in the event loop. The partition is given up once `on_revoked` has ended.
    `on_poll` runs in the thread of the membership, several times a second. Raises KafkaSettingRefused.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        client_id: str,
        on_assigned: Callable[[], None],
        on_revoked: Callable[[], Coroutine[Any, Any, None]],
        on_poll: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_assigned, self._on_revoked, self._on_poll = on_assigned, on_revoked, on_poll
        self._reason, self._is_leaving = "", False
        self._settings, self._topic = group_settings(settings, topic, client_id), topic
        self._session_s = session_seconds(settings)
        self._consumer = self._join()
        self._checked_at = self._answered_at = monotonic()
        self._thread = Thread(target=self._poll, name="group", daemon=True)
        self._thread.start()

    def leave(self) -> Awaitable[None]:
        """Leave the group, so that another member gets the partition at once."""
        self._is_leaving = True
        return asyncio.to_thread(self._thread.join)

    def _join(self) -> Consumer:
        consumer = create_client(Consumer, self._settings)
        consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)
        return consumer

    def _poll(self) -> None:
        while not self._is_leaving:
            self._on_poll()
            try:
                message = self._consumer.poll(POLL_SECONDS)
                error = message.error() if message is not None else None
            except KafkaException as raised:
                error = raised.args[0]
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                self._log_error(describe_error(error))
                sleep(RETRY_SECONDS)
            self._check_connection()
        self._close()

    def _check_connection(self) -> None:
        """Join with a new client once no broker has answered for as long as the group waits for a silent member.

        A new client may find a broker: see `RenewableClient`.
        """
        if monotonic() - self._checked_at < CHECK_SECONDS:
            return
        try:
            call_with_limit(partial(self._consumer.list_topics, self._topic, timeout=ANSWER_SECONDS), CALL_SECONDS)
            self._answered_at = monotonic()
        except (KafkaException, TimeoutError) as error:
            if monotonic() - self._answered_at > self._session_s:
                self._log_error(str(error) or "it hangs")
                self._close()
                self._consumer, self._answered_at = self._join(), monotonic()
        self._checked_at = monotonic()

    def _close(self) -> None:
        try:
            call_with_limit(self._consumer.close, CLOSE_SECONDS)
        except TimeoutError:  # it hangs, and does not revoke the partition either
            self._end_work()

    def _log_error(self, reason: str) -> None:
        if reason != self._reason:
            _log.warning("the group of the topic of subscriptions does not answer: %s", reason)
            self._reason = reason

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            self._reason = ""
            ends = [TopicPartition(position.topic, position.partition, OFFSET_END) for position in partitions]
            consumer.incremental_assign(ends)
            consumer.pause(partitions)
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._on_assigned)

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            self._end_work()
            consumer.incremental_unassign(partitions)

    def _end_work(self) -> None:
        revoking = self._on_revoked()
        try:
            revoked = asyncio.run_coroutine_threadsafe(revoking, self._loop)
        except RuntimeError:  # the loop is closed
            revoking.close()
        else:
            # After the timeout, what the server still writes is void once another term begins.
            with suppress(TimeoutError, CancelledError):
                revoked.result(REVOKE_SECONDS)
