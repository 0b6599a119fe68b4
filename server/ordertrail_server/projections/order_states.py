"""The states of orders as of a projection's position, kept for projections that use orders but do not store them."""

import json
from collections.abc import Iterable, Mapping

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.storage.connection import Connection

TABLE = """CREATE TABLE ordertrail_orders (order_id TEXT PRIMARY KEY, state BLOB NOT NULL) STRICT, WITHOUT ROWID"""
LOAD = "SELECT state FROM ordertrail_orders WHERE order_id IN (SELECT value FROM json_each(?))"


def load_states(connection: Connection, order_ids: Iterable[str]) -> dict[str, Order]:
    """Return those of the orders that exist."""
    states = (Order.FromString(state) for (state,) in connection.execute(LOAD, (json.dumps(list(order_ids)),)))
    return {order.order_id: order for order in states}


def save_states(connection: Connection, orders: Mapping[str, Order]) -> None:
    """Save the orders inside the caller's transaction."""
    rows = [(order_id, order.SerializeToString()) for order_id, order in sorted(orders.items())]
    connection.executemany("INSERT OR REPLACE INTO ordertrail_orders VALUES (?, ?)", rows)
