"""A client of librdkafka that is replaced after a failure, because it may never answer again.

A broker that is starting may answer that its cluster has no brokers. librdkafka then forgets all brokers, in most cases
also the bootstrap servers, and such a client finds none again: https://github.com/confluentinc/librdkafka/issues/5301.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from confluent_kafka import KafkaException

from ordertrail_server.log.port import LogUnavailable

Client = TypeVar("Client")

# A new client is expensive, and without a broker every query fails.
PAUSE_SECONDS = 1.0


class RenewableClient(Generic[Client]):
    """The client of many queries, which may run in several threads at once."""

    def __init__(self, create: Callable[[], Client]) -> None:
        self._create, self._lock = create, Lock()
        self._client, self._renewed_at = create(), -inf

    @property
    def current(self) -> Client:
        """The client for the next query."""
        return self._client

    @contextmanager
    def lend(self) -> Iterator[Client]:
        """Lend the client for a query. If that fails, renew it."""
        client = self._client
        try:
            yield client
        except (KafkaException, LogUnavailable):
            self.renew(client)
            raise

    def renew(self, failed: Client) -> None:
        """Replace a client, unless that has just happened. Not closed, because other threads may query with it."""
        with self._lock:
            if self._client is failed and monotonic() - self._renewed_at > PAUSE_SECONDS:
                self._client, self._renewed_at = self._create(), monotonic()
