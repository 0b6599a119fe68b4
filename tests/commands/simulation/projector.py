"""The simulated projector of a server, which works beside the server's writer."""

from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import TypeVar

from tests.commands.simulation.order_stores import ProjectableStore
from tests.commands.simulation.simulated_log import SimulatedLog

from ordertrail_server.facts.link import Link
from ordertrail_server.orders.aggregate import Aggregate

T = TypeVar("T")


class Projector:
    """Commits the log to a store, at most up to the log's end, and reports what it committed, later or never.

    So the store may be ahead of what the writer has read, and the reports behind the store.
    """

    def __init__(self, log: SimulatedLog, store: ProjectableStore, random: Random) -> None:
        self._log, self._store, self._random = log, store, random
        self._unreported: list[int] = []

    def commit(self, end: int) -> None:
        """Commit the records before an offset."""
        position = self._store.position()
        if end > position:
            self._store.project(self._log.records[position:end])
            self._unreported.append(self._store.position())

    def commit_some(self) -> None:
        """Commit up to a random offset."""
        end = self._log.end()
        self.commit(self._random.choice([self._random.randint(0, end), end]))

    @property
    def has_reports(self) -> bool:
        """True if the last commit was not reported yet."""
        return bool(self._unreported)

    def take_report(self) -> int | None:
        """Return one of the committed positions that were not reported yet; earlier ones are never reported."""
        if not self._unreported:
            return None
        number = self._random.randrange(len(self._unreported))
        position = self._unreported[number]
        del self._unreported[: number + 1]
        return position


class RacingStore:
    """A store as a writer reads it: between any two queries, the projector of another process may commit."""

    def __init__(self, store: ProjectableStore, projector: Projector, random: Random) -> None:
        self._store, self._projector, self._random = store, projector, random
        self._frequency = random.choice([0.02, 0.2, 0.6])

    def position(self) -> int:
        return self._query(self._store.position)

    def aggregate(self, order_id: str) -> tuple[Aggregate, int]:
        return self._query(lambda: self._store.aggregate(order_id))

    def aggregates(self, order_ids: Sequence[str]) -> tuple[dict[str, Aggregate], int]:
        return self._query(lambda: self._store.aggregates(order_ids))

    def head(self, order_id: str) -> tuple[Aggregate, int]:
        return self._query(lambda: self._store.head(order_id))

    def receipt(self, order_id: str, request: bytes) -> Link | None:
        return self._query(lambda: self._store.receipt(order_id, request))

    def links_at(self, order_id: str, version: int) -> Collection[bytes]:
        return self._query(lambda: self._store.links_at(order_id, version))

    def _query(self, query: Callable[[], T]) -> T:
        if self._random.random() < self._frequency:
            self._projector.commit_some()
        return query()
