"""Adds orders to the facts of a batch for a projection that is behind `orders`: they are folded from the log again.

While a projection is at the position of `orders`, its facts have their orders from memory. So no file needs the states
of orders a second time.
"""

from collections import OrderedDict

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.orders.order_memory import memory_of_order
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.judged_log import JudgedLog
from ordertrail_server.projections.projection_error import ProjectionFailed

CACHE_BYTES = 32 * 1024 * 1024


class EarlierOrders:
    """The orders of the facts that a projection reads, cached in about CACHE_BYTES of memory.

    A cached order is used only for the fact that follows on its version, so no entry is ever wrong.
    """

    def __init__(self) -> None:
        self._size = 0
        self._cache: OrderedDict[str, tuple[Order, int]] = OrderedDict()

    async def add_to(self, batch: Batch, log: JudgedLog) -> None:
        """Give each fact of a batch its order before and after it. Raises ProjectionFailed, LogUnavailable."""
        for index, fact in enumerate(batch.facts):
            before = await self._order_before(fact.event, batch.partition, log)
            after = _evolve(before, fact.event)
            batch.facts[index] = fact._replace(before=before, order=after)
            self._put(after)

    def clear(self) -> None:
        """Drop all orders, because the projection is no longer behind."""
        self._cache.clear()
        self._size = 0

    async def _order_before(self, event: HistoryEvent, partition: int, log: JudgedLog) -> Order | None:
        cached, _ = self._cache.get(event.order_id, (None, 0))
        if cached is not None and cached.version == event.order_version - 1:
            return cached
        order: Order | None = None
        for earlier_event in await log.read_events(partition, event.order_id, event.order_version):
            order = _evolve(order, earlier_event)
        return order

    def _put(self, order: Order) -> None:
        size = memory_of_order(order)
        _, replaced_size = self._cache.pop(order.order_id, (None, 0))
        self._cache[order.order_id] = order, size
        self._size += size - replaced_size
        while self._size > CACHE_BYTES:
            _, (_, evicted_size) = self._cache.popitem(last=False)
            self._size -= evicted_size


def _evolve(before: Order | None, event: HistoryEvent) -> Order:
    try:
        return evolve(before, event)
    except Exception as error:  # `orders` has folded it, so this is damage or a defect
        place = f"version {event.order_version} of order {event.order_id}"
        raise ProjectionFailed(f"{place} cannot be folded again: {type(error).__name__}: {error}") from error
