"""A cache of orders: the least recently used are evicted when it exceeds a size in bytes."""

from collections import OrderedDict

from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.order_memory import memory_of_order


class HotOrders:
    """An LRU cache of orders of about `limit` bytes; it always holds the order that was put last."""

    def __init__(self, limit: int) -> None:
        self._limit, self._total = limit, 0
        self._orders: OrderedDict[str, tuple[Aggregate, int]] = OrderedDict()

    def get(self, order_id: str) -> Aggregate | None:
        """Return an order, None if it is not cached."""
        entry = self._orders.get(order_id)
        if entry is None:
            return None
        self._orders.move_to_end(order_id)
        return entry[0]

    def put(self, order_id: str, aggregate: Aggregate) -> None:
        """Cache an order in place of its earlier state."""
        size = memory_of_order(aggregate.order)
        replaced = self._orders.pop(order_id, None)
        self._orders[order_id] = aggregate, size
        self._total += size - (replaced[1] if replaced else 0)
        while self._total > self._limit and len(self._orders) > 1:
            _, (_, evicted) = self._orders.popitem(last=False)
            self._total -= evicted

    def remove(self, order_id: str) -> None:
        """Remove an order, if it is cached."""
        _, size = self._orders.pop(order_id, (None, 0))
        self._total -= size
