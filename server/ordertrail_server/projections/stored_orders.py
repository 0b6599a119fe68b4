"""The orders of the read model, with an LRU cache between batches."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice

from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_UNSPECIFIED
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import digest
from ordertrail_server.projections.order_history_ddl import EVENTS_BY_ORDER
from ordertrail_server.storage.sqlite import sqlite3

AGGREGATES = """SELECT order_id, version, head, parked, status, state FROM orders
WHERE order_id IN (SELECT value FROM json_each(?))"""


class StoredOrders:
    """The orders of the read model. Only committed orders are cached."""

    def __init__(self, connection: sqlite3.Connection, hot_orders: int) -> None:
        self._connection, self._hot_orders = connection, hot_orders
        self._hot: dict[str, Aggregate] = {}
        self._indexed = False

    def aggregates(self, order_ids: Iterable[str]) -> dict[str, Aggregate]:
        """Return those of the orders that are stored."""
        unique_ids = dict.fromkeys(order_ids)
        hot = self._hot
        aggregates = {order_id: hot[order_id] for order_id in unique_ids if order_id in hot}
        cold = [order_id for order_id in unique_ids if order_id not in hot]
        for order_id, version, head, parked, status, state in self._connection.execute(AGGREGATES, (json.dumps(cold),)):
            order = None if status == ORDER_STATUS_UNSPECIFIED else Order.FromString(state)
            aggregates[order_id] = Aggregate(order, version, head, parked or "")
        return aggregates

    def cache(self, orders: Mapping[str, Aggregate]) -> None:
        """Cache committed orders; the least recently changed ones are evicted."""
        hot = self._hot
        for order_id, aggregate in orders.items():
            hot.pop(order_id, None)
            hot[order_id] = aggregate
        for order_id in list(islice(hot, max(0, len(hot) - self._hot_orders))):
            del hot[order_id]

    def digest_of(self, order_id: str, stored: Aggregate, version: int) -> bytes | None:
        """Return the digest of a stored fact of an order, None if there is none of that version."""
        if not self._indexed:
            # A read model that is being loaded lacks this index, without which each of these queries reads all events.
            self._connection.execute(EVENTS_BY_ORDER)
            self._indexed = True
        folded = 0 if stored.order is None else stored.order.version
        if version <= folded:
            query, arguments = "SELECT digest FROM events WHERE order_id = ? AND version = ?", (order_id, version)
            row = self._connection.execute(query, arguments).fetchone()
            return None if row is None else bytes(row[0])
        # Parked facts of an order follow its folded ones without a gap.
        query = "SELECT value FROM parked WHERE order_id = ? ORDER BY position LIMIT 1 OFFSET ?"
        row = self._connection.execute(query, (order_id, version - folded - 1)).fetchone()
        return None if row is None else digest(row[0])
