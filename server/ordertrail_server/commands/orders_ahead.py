"""Reads orders ahead of the attempts that need them, many with one query of the projection."""

from collections.abc import Iterable, Iterator
from itertools import islice

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.fold import Fold, StoreDamaged
from ordertrail_server.orders.aggregate import Aggregate

# Larger queries would hold up other calls if the orders are large.
ORDERS_A_QUERY = 32


class OrdersAhead:
    """The orders of attempts that are decided in a known sequence. Use it only while nothing is folded."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._coming: Iterator[str] = iter(())
        self._read: dict[str, Aggregate] = {}

    def expect(self, attempts: Iterable[Attempt]) -> None:
        """Expect the orders of these attempts from now on, and no longer those of earlier ones."""
        self._coming = iter([attempt.order_id for attempt in attempts if not attempt.is_new_order])

    def aggregate(self, order_id: str) -> Aggregate:
        """Return an order as `Fold.aggregate` does, as of this call or an earlier one."""
        while order_id not in self._read and (order_ids := list(islice(self._coming, ORDERS_A_QUERY))):
            self._read = self._read_orders(order_ids)
        return self._read.get(order_id) or self._fold.aggregate(order_id)

    def _read_orders(self, order_ids: list[str]) -> dict[str, Aggregate]:
        try:
            return self._fold.aggregates(order_ids)
        except StoreDamaged:  # the pages of some of these orders may be intact
            return {}
