"""A topic of one partition, whose beginning its writers remove once nothing there counts any more."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.cursor import Cursor
from ordertrail_server.log.kafka.errors import OffsetOutOfRange, errors_as_unavailable
from ordertrail_server.log.kafka.offset_queries import query_watermarks
from ordertrail_server.log.kafka.producer import TopicProducer
from ordertrail_server.log.kafka.settings import Settings, admin_settings, create_client, reader_settings
from ordertrail_server.log.kafka.threads import run_in_pool
from ordertrail_server.log.message_topic import Bounds
from ordertrail_server.log.port import Entry, Logged, LogUnavailable

PARTITION = 0
READ_RECORDS = 5_000


class StateTopic:
    """An open topic. A query or read that no broker answers fails after `timeout_s`. Raises KafkaSettingRefused."""

    def __init__(self, settings: Settings, producer: TopicProducer, timeout_s: float = 10.0) -> None:
        self.name = producer.topic
        self._settings, self._producer, self._timeout_s = settings, producer, timeout_s
        self._thread = ThreadPoolExecutor(1, "subscriptions")

    async def append(self, entries: Sequence[Entry]) -> list[int]:
        """Append in order, and return the offsets. Raises AppendUncertain, LogUnavailable."""
        return await self._producer.append(PARTITION, entries)

    async def query_bounds(self) -> Bounds:
        """Return the bounds of the topic. The end may be stale; only an append proves it. Raises LogUnavailable."""
        return await run_in_pool(self._thread, self._query_bounds)

    async def read(self, begin: int, end: int) -> list[Logged]:
        """Return the messages from `begin` up to before `end`, which the topic must reach. Raises LogDamaged.

        Raises LogUnavailable also if another server has removed the message at `begin`.
        """
        return await run_in_pool(self._thread, self._read, begin, end) if begin < end else []

    async def remove_before(self, offset: int) -> None:
        """Remove all messages before an offset. Raises LogUnavailable."""
        await run_in_pool(self._thread, self._remove_before, offset)

    def close(self) -> None:
        """Finish a running call, and release all resources but the producer. Blocks."""
        self._thread.shutdown()

    def _query_bounds(self) -> Bounds:
        consumer = create_client(Consumer, reader_settings(self._settings))
        try:
            with errors_as_unavailable():
                return Bounds(*query_watermarks(consumer, self.name, PARTITION, self._timeout_s))
        finally:
            consumer.close()

    def _read(self, begin: int, end: int) -> list[Logged]:
        cursor = Cursor(reader_settings(self._settings), self.name)
        records: list[Logged] = []
        try:
            cursor.seek(PARTITION, begin)
            while cursor.position < end:
                records += cursor.read(READ_RECORDS, end, self._timeout_s)
        except OffsetOutOfRange as error:  # another server has just removed the beginning, or an old leader answers
            raise LogUnavailable(f"the topic {self.name} could not be read: {error}") from error
        finally:
            cursor.close()
        return [record for record in records if record.offset < end]

    def _remove_before(self, offset: int) -> None:
        admin = create_client(AdminClient, admin_settings(self._settings))
        position = TopicPartition(self.name, PARTITION, offset)
        with errors_as_unavailable():
            admin.delete_records([position], request_timeout=self._timeout_s)[position].result()
