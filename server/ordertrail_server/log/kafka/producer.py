"""Appends to a topic: one idempotent producer for all partitions, and one thread that polls delivery reports."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from time import sleep

from confluent_kafka import KafkaError, KafkaException, Producer

from ordertrail_server.log.kafka.delivery import Delivery
from ordertrail_server.log.kafka.errors import describe_error
from ordertrail_server.log.kafka.settings import BATCH_BYTES, Settings, create_client, producer_settings
from ordertrail_server.log.port import AppendUncertain, Entry, LogUnavailable

_log = logging.getLogger(__name__)

Headers = list[tuple[str, str | bytes | None]]
HeadersOf = Callable[[bytes], Headers]

POLL_SECONDS = 0.05
PROBE_SECONDS = 1.0
# The overhead of a record in a batch, beside its key, value and headers.
OVERHEAD_BYTES = 512


class KafkaProducer:
    """Appends batches to one topic. A record's key is its order id. The caller chooses the partition, not librdkafka.

    Raises KafkaSettingRefused.
    """

    def __init__(self, settings: Settings, topic: str, headers_of: HeadersOf) -> None:
        self._settings = producer_settings(settings) | {"error_cb": self._handle_error}
        self._topic, self._headers_of = topic, headers_of
        self._fatal = self._closed = False
        # Also before the first record, because a producer without a connection takes half a second for it.
        self._needs_probe = True
        self._producer = create_client(Producer, self._settings)
        self._thread = Thread(target=self._poll, name="deliveries", daemon=True)
        self._thread.start()

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append, and return the offsets once all in-sync replicas have the entries. Cancelling does not stop it.

        Raises AppendUncertain, LogUnavailable, and ValueError for an entry that is too large (nothing was appended).
        """
        messages = [(key.encode(), value, self._headers_of(value)) for key, value in entries]
        for key, value, headers in messages:
            _check_size(key, value, headers)
        if self._fatal:
            await self._replace_producer()
        if self._needs_probe:
            await asyncio.to_thread(self._probe)
        if self._closed:
            raise LogUnavailable("the log is closed")
        delivery = Delivery(len(messages))
        self._produce(partition, messages, delivery)
        try:
            return await asyncio.shield(delivery.done)
        except AppendUncertain:
            # The leader may be frozen. The probe refreshes the metadata, and finds a new leader.
            self._needs_probe = True
            raise

    def close(self) -> None:
        """Finish every append that has begun, and close. Blocks."""
        self._closed = True
        self._thread.join()
        self._producer.flush()
        self._producer.close()

    def _produce(self, partition: int, messages: list[tuple[bytes, bytes, Headers]], delivery: Delivery) -> None:
        produce, report, topic = self._producer.produce, delivery.report, self._topic
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
        if error.fatal():
            _log.warning("the producer failed and is replaced: %s", describe_error(error))
            self._fatal = True
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._needs_probe = True

    def _probe(self) -> None:
        # If no broker answers, the producer gets no records, because it would retry for message.timeout.ms, and the
        # outcome would be unknown for as long.
        try:
            self._producer.list_topics(self._topic, PROBE_SECONDS)
        except KafkaException as error:
            raise LogUnavailable(f"nothing was appended, no broker answers: {describe_error(error.args[0])}") from error
        self._needs_probe = False

    async def _replace_producer(self) -> None:
        # After a fatal error librdkafka fails every later record of this producer.
        old, self._producer = self._producer, create_client(Producer, self._settings)
        self._fatal, self._needs_probe = False, True
        await asyncio.to_thread(_purge, old)


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
