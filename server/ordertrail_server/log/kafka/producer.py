"""Appends to topics: one idempotent producer for all of them, and one thread that polls delivery reports."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from threading import Thread
from time import monotonic, sleep

from confluent_kafka import KafkaError, KafkaException, Producer

from ordertrail_server.log.kafka.delivery import Delivery
from ordertrail_server.log.kafka.errors import describe_error
from ordertrail_server.log.kafka.settings import BATCH_BYTES, Settings, create_client, producer_settings
from ordertrail_server.log.kafka.statistics import KafkaStatistics
from ordertrail_server.log.port import AppendUncertain, Entry, LogUnavailable

_log = logging.getLogger(__name__)

Headers = list[tuple[str, str | bytes | None]]
HeadersOf = Callable[[bytes], Headers]
Message = tuple[bytes, bytes, Headers]
"""Key, value and headers."""

POLL_SECONDS = 0.05
PROBE_SECONDS = 1.0
# A new producer logs again why no broker answers.
RENEW_SECONDS = 10.0
# The overhead of a record in a batch, beside its key, value and headers.
OVERHEAD_BYTES = 512


class KafkaProducer:
    """Appends batches to topics. The caller chooses the partition, not librdkafka. Raises KafkaSettingRefused.

    `statistics` are kept up to date if they are given.
    """

    def __init__(self, settings: Settings, statistics: KafkaStatistics | None = None) -> None:
        self._settings = producer_settings(settings) | {"error_cb": self._handle_error}
        self._statistics = statistics
        if statistics is not None:
            self._settings |= statistics.settings(settings)
        self._fatal = self._closed = False
        self._replaced_at = -inf
        # Each topic is probed before its first record too: a producer that has no connection, or does not know the
        # topic's leaders, takes half a second for it. Another thread may replace the set.
        self._probed: set[str] = set()
        self._producer = create_client(Producer, self._settings)
        self._thread = Thread(target=self._poll, name="deliveries", daemon=True)
        self._thread.start()

    async def append(self, topic: str, partition: int, messages: Sequence[Message]) -> list[int]:
        """Append, and return the offsets once all in-sync replicas have the messages. Cancelling does not stop it.

        Raises AppendUncertain, LogUnavailable, and ValueError for a message that is too large (nothing was appended).
        """
        for key, value, headers in messages:
            _check_size(key, value, headers)
        if self._fatal:
            await self._replace_producer()
        if topic not in self._probed:
            await self._check_connection(topic)
        if self._closed:
            raise LogUnavailable("the log is closed")
        delivery = Delivery(len(messages))
        self._produce(topic, partition, messages, delivery)
        try:
            return await asyncio.shield(delivery.done)
        except AppendUncertain:
            # The leader may be frozen. The probe refreshes the metadata, and finds a new leader.
            self._probed = set()
            raise

    def close(self) -> None:
        """Finish every append that has begun, and close. Blocks. A second call has no effect."""
        if self._closed:
            return
        self._closed = True
        self._thread.join()
        self._producer.flush()
        self._producer.close()

    def _produce(self, topic: str, partition: int, messages: Sequence[Message], delivery: Delivery) -> None:
        produce, report = self._producer.produce, delivery.report
        for number, (key, value, headers) in enumerate(messages):
            try:
                produce(topic, value, key, partition, report, headers=headers)
            except (KafkaException, BufferError) as error:
                cause = error.args[0]
                rejection = cause if isinstance(cause, KafkaError) else KafkaError(KafkaError._QUEUE_FULL)
                delivery.reject(rejection, len(messages) - number)
                return

    def _poll(self) -> None:
        while not self._closed:
            try:
                self._producer.poll(POLL_SECONDS)
            except KafkaException as error:  # a fatal error is reported here, maybe at every poll
                self._handle_error(error.args[0])
                sleep(POLL_SECONDS)

    def _handle_error(self, error: KafkaError) -> None:
        if self._statistics is not None:
            self._statistics.note_error(error)
        if error.fatal():
            _log.warning("the producer failed and is replaced: %s", describe_error(error))
            self._fatal = True
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._probed = set()

    async def _check_connection(self, topic: str) -> None:
        """Raise LogUnavailable if no broker answers. Then a new producer may find one: see `RenewableClient`."""
        try:
            await asyncio.to_thread(self._probe, topic)
        except LogUnavailable:
            is_idle = not len(self._producer)  # the brokers may still get what waits
            if is_idle and not self._closed and monotonic() - self._replaced_at > RENEW_SECONDS:
                await self._replace_producer()
            raise

    def _probe(self, topic: str) -> None:
        # If no broker answers, the producer gets no records, because it would retry for message.timeout.ms, and the
        # outcome would be unknown for as long.
        probed = self._probed
        try:
            self._producer.list_topics(topic, PROBE_SECONDS)
        except KafkaException as error:
            raise LogUnavailable(f"nothing was appended, no broker answers: {describe_error(error.args[0])}") from error
        probed.add(topic)

    async def _replace_producer(self) -> None:
        # After a fatal error librdkafka fails every later record of this producer.
        old, self._producer = self._producer, create_client(Producer, self._settings)
        self._fatal, self._probed, self._replaced_at = False, set(), monotonic()
        await asyncio.to_thread(_purge, old)


@dataclass(frozen=True, slots=True)
class TopicProducer:
    """Appends to one topic, with a producer that other topics may share. A message's key is its order id."""

    producer: KafkaProducer
    topic: str
    headers_of: HeadersOf

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries, with their headers. See `KafkaProducer.append`."""
        messages = [(key.encode(), value, self.headers_of(value)) for key, value in entries]
        return await self.producer.append(self.topic, partition, messages)


def _purge(producer: Producer) -> None:
    # Not closed here, because the polling thread may still use it. The purge and the polls deliver the reports of all
    # of its records; nothing else would.
    producer.purge()
    while len(producer):
        with suppress(KafkaException):
            producer.poll(POLL_SECONDS)


def _check_size(key: bytes, value: bytes, headers: Headers) -> None:
    size = OVERHEAD_BYTES + len(key) + len(value) + sum([len(name) + len(text or "") for name, text in headers])
    if size > BATCH_BYTES:
        raise ValueError(f"a record of {len(value)} bytes is too large for the log; nothing was appended")
