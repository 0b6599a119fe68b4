"""The tables of the projection `history`: all events, ready to be sent.

A position is partition << 48 | offset. Times are nanoseconds since 1970-01-01 UTC, clamped to 64 bits.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

# frame: the event as one element of the repeated field 1 of a response, ready to be joined.
EVENTS = {
    "position": int,
    "order_id": str,
    "version": int,
    "customer_id": str,
    "type": int,
    "record_time": int,
    "frame": bytes,
}
# sqlite-utils cannot create tables WITHOUT ROWID.
EVENT_PRODUCTS = """CREATE TABLE event_products (
    product_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (product_id, position)
) STRICT, WITHOUT ROWID"""
# The orders that are parked; position is that of the record that parked the order.
PARKED_ORDERS = """CREATE TABLE parked_orders (
    order_id TEXT PRIMARY KEY, reason TEXT NOT NULL, position INTEGER NOT NULL
) STRICT, WITHOUT ROWID"""


def create_history_tables(database: "Database") -> None:
    """Create the tables."""
    database.table("events").create(EVENTS, pk="position", not_null=EVENTS.keys() - {"customer_id"}, strict=True)
    database.execute(EVENT_PRODUCTS)
    database.execute(PARKED_ORDERS)
    database.table("parked_orders").create_index(["position"], "parked_orders_by_position")


def create_history_indexes(database: "Database") -> None:
    """Create the indexes that a large log is loaded without: one sorted build is cheaper than many random inserts."""
    events = database.table("events")
    events.create_index(["order_id", "version"], "events_by_order", unique=True, if_not_exists=True)
    events.create_index(["customer_id", "position"], "events_by_customer", if_not_exists=True)
    events.create_index(["record_time"], "events_by_time", if_not_exists=True)
