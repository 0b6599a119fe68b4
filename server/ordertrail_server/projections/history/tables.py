"""The tables of the projection `history`: all events, ready to be sent.

A position is partition << 48 | offset. Times are nanoseconds since 1970-01-01 UTC, clamped to 64 bits.
"""

from typing import TYPE_CHECKING

from ordertrail_server.storage.packed_id import unpack_sql

if TYPE_CHECKING:
    from sqlite_utils import Database

# order_key: the id of the order, packed; look orders up by it. frame: the event as one element of the repeated field 1
# of a response, ready to be joined. sqlite-utils cannot create computed columns.
EVENTS = f"""CREATE TABLE events (
    position INTEGER PRIMARY KEY, order_key ANY NOT NULL, version INTEGER NOT NULL, customer_id TEXT,
    type INTEGER NOT NULL, record_time INTEGER NOT NULL, frame BLOB NOT NULL,
    order_id TEXT AS ({unpack_sql("order_key")}) VIRTUAL
) STRICT"""
# The record times in each block of BLOCK positions: an index of times that needs no row for each event.
# position: the first one of the block.
BLOCK = 256
EVENT_TIMES = {"position": int, "earliest": int, "latest": int}
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
    database.execute(EVENTS)
    database.table("event_times").create(EVENT_TIMES, pk="position", not_null=set(EVENT_TIMES), strict=True)
    database.execute(EVENT_PRODUCTS)
    database.execute(PARKED_ORDERS)
    database.table("parked_orders").create_index(["position"], "parked_orders_by_position")


def create_history_indexes(database: "Database") -> None:
    """Create the indexes that a large log is loaded without: one sorted build is cheaper than many random inserts."""
    events = database.table("events")
    events.create_index(["order_key", "version"], "events_by_order", unique=True, if_not_exists=True)
    events.create_index(["customer_id", "position"], "events_by_customer", if_not_exists=True)
