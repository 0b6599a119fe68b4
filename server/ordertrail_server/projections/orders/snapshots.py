"""Snapshots: the state of an order at every INTERVAL-th version, so that a past state needs few events.

A snapshot depends on its order and version only, so it is right in every generation and at every position.
"""

from collections.abc import Iterable, Mapping

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.projections.orders.stored_orders import StoredOrder
from ordertrail_server.storage.connection import Connection

INTERVAL = 32
"""A past state is a snapshot and at most INTERVAL - 1 events. A smaller number costs more bytes for each event."""

INSERT = "INSERT INTO snapshots VALUES (?, ?, ?)"


def write_snapshots(connection: Connection, states: Iterable[Order | None], stored: Mapping[str, StoredOrder]) -> None:
    """Write the snapshots among the states after newly folded facts, inside the caller's transaction.

    `stored` has the numbers of the orders.
    """
    rows = [
        (stored[order.order_id].order_no, order.version, order.SerializeToString(deterministic=True))
        for order in states
        if order is not None and order.version % INTERVAL == 0
    ]
    if rows:
        connection.executemany(INSERT, rows)
