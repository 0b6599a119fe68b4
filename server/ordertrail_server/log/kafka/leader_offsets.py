"""Queries of end offsets that also work if a replaced leader, cut off from the other brokers, still answers.

librdkafka queries the broker that it used last for the leader, so it stays with a replaced one. A new client queries
any broker.
"""

from collections.abc import Callable
from time import monotonic, sleep

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.offset_queries import RETRY_SECONDS, query_end_offset, query_end_offsets
from ordertrail_server.log.kafka.renewable_client import RenewableClient
from ordertrail_server.log.kafka.settings import Settings, admin_settings, create_client
from ordertrail_server.log.port import LogUnavailable

CLIENT_SECONDS = 10.0


class LeaderOffsets:
    """Queries the leader of a partition for its end, with a consumer that has no assignment, so no fetch delays it.

    If an answer may come from a replaced leader, or there is none, a new client replaces this one. `query_end` is
    thread-safe.
    """

    def __init__(self, create_consumer: Callable[[], Consumer], topic: str, partitions: int, timeout_s: float) -> None:
        self._client, self._topic, self._timeout_s = RenewableClient(create_consumer), topic, timeout_s
        self._epochs = [-1] * partitions

    def query_end(self, partition: int, known_end: int) -> int:
        """Return a partition's end. If it is below `known_end`, seen before, the next query uses a new client.

        Blocks. Raises KafkaException, and LogUnavailable if only a replaced leader answers.
        """
        deadline = Deadline(self._timeout_s)
        while True:
            with self._client.lend() as consumer:
                end = query_end_offset(consumer, self._topic, partition, self._timeout_s)
            is_replaced = end.epoch < self._epochs[partition]
            if is_replaced or end.offset < known_end:
                self._client.renew(consumer)
            if not is_replaced:
                self._epochs[partition] = max(end.epoch, self._epochs[partition])
                return end.offset
            if deadline.has_passed():
                raise LogUnavailable(f"the only broker that answers for partition {partition} is no longer its leader")
            sleep(RETRY_SECONDS)

    def close(self) -> None:
        """Close the client."""
        self._client.current.close()


class FreshClientOffsets:
    """Queries the ends of all partitions with a client that is replaced every ten seconds.

    Otherwise readers connected to a replaced leader would see no new records for as long as it is cut off.
    """

    def __init__(self, settings: Settings, topic: str, partitions: int, timeout_s: float) -> None:
        self._settings, self._query_arguments = admin_settings(settings), (topic, partitions, timeout_s)
        self._admin, self._created_at = create_client(AdminClient, self._settings), monotonic()

    def query_ends(self) -> list[int]:
        """Return the end of each partition. Blocks. Raises LogUnavailable."""
        if monotonic() - self._created_at > CLIENT_SECONDS:
            self._admin, self._created_at = create_client(AdminClient, self._settings), monotonic()
        return query_end_offsets(self._admin, *self._query_arguments)
