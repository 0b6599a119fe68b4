"""The projection `orders` as the command side reads it: one partition, with the errors of the command side."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from ordertrail_server.commands.fold import StoreDamaged, StoreUnavailable
from ordertrail_server.facts.link import Link
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.projections.orders.order_reader import OrderReader
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage

T = TypeVar("T")
OnDamage = Callable[[Path, str], None]


class ProjectedOrders:
    """The projected orders of one partition. For the event loop."""

    def __init__(self, reader: OrderReader, partition: int, on_damage: OnDamage = lambda file, damage: None) -> None:
        """`on_damage` is called with the file and its damage."""
        self._reader, self._partition, self._on_damage = reader, partition, on_damage

    def position(self) -> int:
        """Return the offset up to which messages are projected."""
        return self._read(lambda: self._reader.position(self._partition))

    def aggregate(self, order_id: str) -> tuple[Aggregate, int]:
        """Return an order, NO_ORDER if it does not exist, and the offset as of which it is."""
        return self._read(lambda: self._reader.aggregate(order_id, self._partition))

    def aggregates(self, order_ids: Sequence[str]) -> tuple[dict[str, Aggregate], int]:
        """Return those of the orders that exist, and the offset as of which all of them are."""
        return self._read(lambda: self._reader.aggregates(order_ids, self._partition))

    def head(self, order_id: str) -> tuple[Aggregate, int]:
        """Return the same as `aggregate` without the state of the order."""
        return self._read(lambda: self._reader.head(order_id, self._partition))

    def receipt(self, order_id: str, request: bytes) -> Link | None:
        """Return the first link with a request, or None."""
        return self._read(lambda: self._reader.receipt(order_id, request))

    def links_at(self, order_id: str, version: int) -> Collection[bytes]:
        """Return the digests of an order's links with a version."""
        return self._read(lambda: self._reader.links_at(order_id, version))

    def _read(self, query: Callable[[], T]) -> T:
        try:
            return query()
        except sqlite3.DatabaseError as error:
            path = self._reader.path
            if is_damage(error):
                self._on_damage(path, str(error))
                raise StoreDamaged(f"{path.name} is damaged ({error})") from error
            raise StoreUnavailable(f"{path.name} cannot be read for now: {error}") from error
