"""The projection `history`: orders as of now, and all their events, ready to be sent."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.history.history_rows import (
    changed_order_row,
    changed_orders,
    event_product_rows,
    event_rows,
    new_order_row,
    order_product_changes,
)
from ordertrail_server.projections.history.tables import INDEXES, TABLES
from ordertrail_server.projections.projection import Projection
from ordertrail_server.storage.connection import Connection

if TYPE_CHECKING:
    from sqlite_utils import Database

NAME = "history"
ORDERS = "SELECT state FROM orders WHERE status <> 0 AND order_id IN (SELECT value FROM json_each(?))"
# OR REPLACE: a row without events may exist, if the order was parked before its first fact could be folded.
INSERT_ORDER = """INSERT OR REPLACE INTO orders
(order_id, version, customer_id, status, source_reference, delivery_date, created, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
# Customer, reference and creation never change, so the indexes on them are left alone.
UPDATE_ORDER = "UPDATE orders SET version = ?, status = ?, delivery_date = ?, state = ? WHERE order_id = ?"
INSERT_UNFOLDED = "INSERT OR IGNORE INTO orders (order_id, version, status, created, state) VALUES (?, 0, 0, 0, ?)"
SET_PARKED = "UPDATE orders SET parked = ? WHERE order_id = ?"


class HistoryProjection(Projection):
    """Stores orders and events for queries and streams."""

    name = NAME
    uses_orders = True

    def create_tables(self, database: "Database") -> None:
        """Create the tables."""
        for statement in TABLES:
            database.execute(statement)

    def create_indexes(self, database: "Database") -> None:
        """Create the secondary indexes."""
        for statement in INDEXES:
            database.execute(statement)

    def load_orders(self, connection: Connection, order_ids: Iterable[str]) -> Mapping[str, Order]:
        """Return those of the orders that have events."""
        states = (Order.FromString(state) for (state,) in connection.execute(ORDERS, (json.dumps(list(order_ids)),)))
        return {order.order_id: order for order in states}

    def apply(self, batch: Batch, connection: Connection) -> None:
        """Write events, orders and products, and which orders are parked."""
        changed = changed_orders(batch)
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", event_rows(batch))
        connection.executemany("INSERT INTO event_products VALUES (?, ?)", event_product_rows(batch))
        new = [new_order_row(order.after) for order in changed.values() if order.before is None]
        connection.executemany(INSERT_ORDER, new)
        known = [changed_order_row(order.after) for order in changed.values() if order.before is not None]
        connection.executemany(UPDATE_ORDER, known)
        removed, added = order_product_changes(changed)
        connection.executemany("DELETE FROM order_products WHERE product_id = ? AND order_id = ?", removed)
        connection.executemany("INSERT INTO order_products VALUES (?, ?)", added)
        if batch.parked:
            _write_parked(batch, connection)


def _write_parked(batch: Batch, connection: Connection) -> None:
    orders = list(batch.parked)
    parked = [(order_id, parking) for order_id, parking in batch.parked.items() if parking]
    connection.executemany(INSERT_UNFOLDED, [(of, Order(order_id=of).SerializeToString()) for of, _ in parked])
    reasons = [(parking.reason if parking else None, order_id) for order_id, parking in batch.parked.items()]
    connection.executemany(SET_PARKED, reasons)
    connection.executemany("DELETE FROM parked_orders WHERE order_id = ?", [(order_id,) for order_id in orders])
    connection.executemany(
        "INSERT INTO parked_orders VALUES (?, ?)", [(of, parking.position) for of, parking in parked]
    )
