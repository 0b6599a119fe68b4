"""Asking for ends, also where a broker answers that was replaced as leader while it was cut off from the others."""

from collections.abc import Callable
from threading import Lock
from time import monotonic, sleep

from confluent_kafka import Consumer

from ordertrail_server.log.kafka_questions import AGAIN_SECONDS, query_end
from ordertrail_server.log.port import LogUnavailable

# A client is no trifle, and whoever makes up a token beyond the end has the log ask again and again.
RENEWED_SECONDS = 1.0


class KafkaAsking:
    """Asks with a client that is never assigned: no fetch stands before a question.

    librdkafka goes on to ask the broker that answers, also who leads. So where an answer cannot be the leader's, or may
    not be, another client takes its place, which asks any broker who leads. `end` may be called by several threads.
    """

    def __init__(self, make: Callable[[], Consumer], topic: str, partitions: int, patience_s: float) -> None:
        self._make, self._topic, self._patience_s = make, topic, patience_s
        self._consumer, self._renewed, self._lock = make(), -RENEWED_SECONDS, Lock()
        self._epochs = [-1] * partitions

    def end(self, partition: int, known: int) -> int:
        """Return a partition's end; `known` is one that was seen before, and after a lower one another client asks.

        Blocks. Raises KafkaException, and LogUnavailable where only a broker that was replaced answers.
        """
        give_up = monotonic() + self._patience_s
        while True:
            consumer = self._consumer
            end = query_end(consumer, self._topic, partition, self._patience_s)
            replaced = end.epoch < self._epochs[partition]
            if replaced or end.offset < known:
                self._renew(consumer)
            if not replaced:
                self._epochs[partition] = end.epoch
                return end.offset
            if monotonic() > give_up:
                raise LogUnavailable(f"the broker that answers for partition {partition} was replaced as its leader")
            sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """Let the client go."""
        self._consumer.close()

    def _renew(self, consumer: Consumer) -> None:
        # Not closed: another thread may have a question out, and lets go of it by itself.
        with self._lock:
            if self._consumer is consumer and monotonic() - self._renewed > RENEWED_SECONDS:
                self._consumer, self._renewed = self._make(), monotonic()
