"""The orders of the projection `orders` as its engine needs them, with an LRU cache between batches."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.order_memory import memory_of_order
from ordertrail_server.projections.orders.tables import HEAD_OF_ORDER
from ordertrail_server.storage.packed_id import pack_sql
from ordertrail_server.storage.sqlite import sqlite3

ORDERS = f"""SELECT o.order_no, i.value, o.version, {HEAD_OF_ORDER}, o.parked, o.state
FROM json_each(?) i CROSS JOIN orders o ON o.order_key = {pack_sql("i.value")}"""
LINKS = "SELECT digest FROM links WHERE order_no = ? AND version = ?"


class StoredOrder(NamedTuple):
    """An order with its number in the file."""

    order_no: int
    aggregate: Aggregate


class StoredOrders:
    """The orders of one file. Only committed orders are cached, in about `cache_bytes` of memory."""

    def __init__(self, connection: sqlite3.Connection, cache_bytes: int) -> None:
        self._connection, self._limit, self._size = connection, cache_bytes, 0
        self._cache: OrderedDict[str, tuple[StoredOrder, int]] = OrderedDict()

    def load(self, order_ids: Iterable[str]) -> dict[str, StoredOrder]:
        """Return those of the orders that are stored."""
        unique_ids, cache = dict.fromkeys(order_ids), self._cache
        loaded = {order_id: cache[order_id][0] for order_id in unique_ids if order_id in cache}
        absent = [order_id for order_id in unique_ids if order_id not in cache]
        if absent:
            rows = self._connection.execute(ORDERS, (json.dumps(absent),))
            for order_no, order_id, version, head, parked, state in rows:
                order = None if state is None else Order.FromString(state)
                loaded[order_id] = StoredOrder(order_no, Aggregate(order, version, head, parked or ""))
        return loaded

    def cache(self, orders: Mapping[str, StoredOrder]) -> None:
        """Cache committed orders; the least recently changed ones are evicted."""
        cache = self._cache
        for order_id, stored in orders.items():
            size = memory_of_order(stored.aggregate.order)
            _, replaced_size = cache.pop(order_id, (None, 0))
            cache[order_id] = stored, size
            self._size += size - replaced_size
        while self._size > self._limit and cache:
            _, (_, size) = cache.popitem(last=False)
            self._size -= size

    def last_number(self) -> int:
        """Return the largest number of an order; 0 if there is no order."""
        return int(self._connection.execute("SELECT coalesce(max(order_no), 0) FROM orders").fetchone()[0])

    def links_at(self, order_no: int, version: int) -> set[bytes]:
        """Return the digests of the stored links of an order with a version."""
        return {digest for (digest,) in self._connection.execute(LINKS, (order_no, version))}
