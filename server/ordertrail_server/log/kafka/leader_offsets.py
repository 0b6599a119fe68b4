"""Asking for ends, also where a broker answers that was replaced as leader while it was cut off from the others.

librdkafka asks the broker that it used last who leads, and so goes on to ask that one. A client that is new asks any.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic, sleep

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.offset_queries import AGAIN_SECONDS, query_end_offset
from ordertrail_server.log.kafka.settings import Settings, admin_settings, create_client
from ordertrail_server.log.kafka.topic import query_end_offsets
from ordertrail_server.log.port import LogUnavailable

# A client is no trifle, and whoever makes up a token beyond the end has the log ask again and again.
REPLACE_SECONDS = 1.0
CLIENT_SECONDS = 10.0


class LeaderOffsets:
    """Asks with a client that is never assigned: no fetch stands before a question.

    Where an answer cannot be the leader's, or may not be, a new client takes its place. `end` may be called by several
    threads.
    """

    def __init__(self, create_consumer: Callable[[], Consumer], topic: str, partitions: int, patience_s: float) -> None:
        self._create_consumer, self._topic, self._patience_s = create_consumer, topic, patience_s
        self._consumer, self._replaced_at, self._lock = create_consumer(), -REPLACE_SECONDS, Lock()
        self._epochs = [-1] * partitions

    def end(self, partition: int, known_end: int) -> int:
        """Return a partition's end; `known` is one that was seen before, and after a lower one another client asks.

        Blocks. Raises KafkaException, and LogUnavailable where only a broker that was replaced answers.
        """
        deadline = monotonic() + self._patience_s
        while True:
            consumer = self._consumer
            end = query_end_offset(consumer, self._topic, partition, self._patience_s)
            replaced = end.epoch < self._epochs[partition]
            if replaced or end.offset < known_end:
                self._replace_client(consumer)
            if not replaced:
                self._epochs[partition] = max(end.epoch, self._epochs[partition])
                return end.offset
            if monotonic() > deadline:
                raise LogUnavailable(f"the broker that answers for partition {partition} was replaced as its leader")
            sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """Let the client go."""
        self._consumer.close()

    def _replace_client(self, consumer: Consumer) -> None:
        # Not closed: another thread may have a question out, and lets go of it by itself.
        with self._lock:
            if self._consumer is consumer and monotonic() - self._replaced_at > REPLACE_SECONDS:
                self._consumer, self._replaced_at = self._create_consumer(), monotonic()


class FreshEnds:
    """Asks for the ends of all partitions with a client that is new every ten seconds.

    Readers that stand at a broker that was replaced would else hear of nothing for as long as it is cut off.
    """

    def __init__(self, settings: Settings, topic: str, partitions: int, patience_s: float) -> None:
        self._settings, self._query_arguments = admin_settings(settings), (topic, partitions, patience_s)
        self._admin, self._created_at = create_client(AdminClient, self._settings), monotonic()

    def query(self) -> list[int]:
        """Return where each partition ends. Blocks. Raises LogUnavailable."""
        if monotonic() - self._created_at > CLIENT_SECONDS:
            self._admin, self._created_at = create_client(AdminClient, self._settings), monotonic()
        return query_end_offsets(self._admin, *self._query_arguments)
