"""Snapshot stores in memory, from which the folds of simulated servers begin."""

from tests.commands.simulation.scenario import require

from ordertrail_server.commands.fact import Fact
from ordertrail_server.commands.fold import Snapshot
from ordertrail_server.orders.aggregate import Aggregate


class NoSnapshot:
    """Stores nothing, so every fold begins at offset 0."""

    def position(self, partition: int) -> tuple[int, bytes]:
        return 0, b""

    def aggregate(self, order_id: str) -> Aggregate | None:
        return None

    def receipt(self, order_id: str, request_id: str) -> Fact | None:
        return None

    def digest_of(self, order_id: str, version: int) -> bytes | None:
        return None

    def offsets_after(self, order_id: str, version: int) -> list[int]:
        return []


class MemoryStore(NoSnapshot):
    """Stores in memory what a StateStore stores in its file."""

    def __init__(self) -> None:
        self._position = (0, b"")
        self._orders: dict[str, Aggregate] = {}
        self._facts: dict[tuple[str, int], Fact] = {}
        self._broken: list[tuple[str, int]] = []

    def position(self, partition: int) -> tuple[int, bytes]:
        return self._position

    def aggregate(self, order_id: str) -> Aggregate | None:
        return self._orders.get(order_id)

    def receipt(self, order_id: str, request_id: str) -> Fact | None:
        facts = [fact for (of, _), fact in self._facts.items() if of == order_id and fact.request_id == request_id]
        return min(facts, default=None)

    def digest_of(self, order_id: str, version: int) -> bytes | None:
        fact = self._facts.get((order_id, version))
        return fact.digest if fact else None

    def offsets_after(self, order_id: str, version: int) -> list[int]:
        facts = [fact.offset for (of, _), fact in self._facts.items() if of == order_id and fact.version > version]
        return facts + [offset for of, offset in self._broken if of == order_id]

    def save(self, partition: int, snapshot: Snapshot) -> None:
        self._orders.update(snapshot.orders)
        for order_id, fact in snapshot.facts:
            require((order_id, fact.version) not in self._facts, f"two facts of {order_id} have version {fact.version}")
            self._facts[order_id, fact.version] = fact
        self._facts.update({(order_id, fact.version): fact for order_id, fact in snapshot.corrected})
        self._broken += snapshot.broken
        self._position = (snapshot.position, snapshot.digest)

    def close(self) -> None:
        pass
