"""The tables of the projection `orders`: for each order its present and earlier states, and the links of its chain.

They are what the command side decides on, what the engine judges the next records by, and what queries for orders are
answered from. Every offset of the log is the offset of a link or the position of a row in `not_links`. A position is
partition << 48 | offset. Times are nanoseconds since 1970-01-01 UTC, clamped to 64 bits.
"""

from typing import TYPE_CHECKING

from ordertrail_server.storage.packed_id import unpack_sql

if TYPE_CHECKING:
    from sqlite_utils import Database

# order_no: the order's number in this file. order_key: its id, packed; look orders up by it. version: of the newest
# link. parked: why later facts wait, or NULL. The other columns are of the state after the last fact that was folded.
# Before the first one, state is NULL and status 0. sqlite-utils cannot create computed columns.
ORDERS = f"""CREATE TABLE orders (
    order_no INTEGER PRIMARY KEY, order_key ANY NOT NULL, version INTEGER NOT NULL, parked TEXT,
    status INTEGER NOT NULL, delivery_date INTEGER, state BLOB, customer_id TEXT, source_reference TEXT,
    created INTEGER, order_id TEXT AS ({unpack_sql("order_key")}) VIRTUAL
) STRICT"""
# The digest of the newest link of the row `o` of `orders`; empty if the order has no link.
HEAD_OF_ORDER = """ifnull((SELECT h.digest FROM links h WHERE h.order_no = o.order_no AND h.version = o.version
ORDER BY h."offset" DESC LIMIT 1), x'')"""
# verdict: void or broken, foreign or barrier (orders/chain.py); of the last two order_id and record_time are NULL.
NOT_LINKS = {"position": int, "verdict": str, "order_id": str, "detail": str, "record_time": int}

# sqlite-utils cannot create tables WITHOUT ROWID, nor indexes of a part of the rows or of a part of a value.
STATEMENTS = (
    ORDERS,
    "CREATE UNIQUE INDEX orders_by_key ON orders (order_key)",
    """CREATE TABLE order_products (
        product_id TEXT NOT NULL, order_no INTEGER NOT NULL, PRIMARY KEY (product_id, order_no)
    ) STRICT, WITHOUT ROWID""",
    # "offset": in the partition of the order. time: as folded, NULL if it is the time of the record.
    """CREATE TABLE links (
        order_no INTEGER NOT NULL, version INTEGER NOT NULL, "offset" INTEGER NOT NULL, digest BLOB NOT NULL,
        request BLOB NOT NULL, command BLOB NOT NULL, time INTEGER, is_refusal INTEGER NOT NULL,
        PRIMARY KEY (order_no, version, "offset")
    ) STRICT, WITHOUT ROWID""",
    # The state after every so many facts of an order (snapshots.py).
    """CREATE TABLE snapshots (
        order_no INTEGER NOT NULL, version INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (order_no, version)
    ) STRICT, WITHOUT ROWID""",
    # A view of few links, for projections that need the folded time of facts.
    "CREATE INDEX links_with_time ON links (order_no, version) WHERE time IS NOT NULL",
    "CREATE INDEX broken_by_order ON not_links (order_id, position) WHERE verdict = 'broken'",
    # The orders that are parked; position and record_time are those of the record that parked the order.
    """CREATE TABLE parked_orders (
        order_id TEXT PRIMARY KEY, position INTEGER NOT NULL, record_time INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX parked_orders_by_time ON parked_orders (record_time, order_id)",
    # The number of records by the field number of their event in `Record`, for any verdict; number 0: without an event.
    """CREATE TABLE written (
        partition INTEGER NOT NULL, number INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (partition, number)
    ) STRICT, WITHOUT ROWID""",
)
# Few orders have a reference. The first bytes of a request's key suffice to find it among the requests of one order.
# `receipts` is created last: if it exists, all indexes do.
INDEXES = (
    """CREATE INDEX IF NOT EXISTS orders_by_reference ON orders (source_reference)
    WHERE source_reference IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS receipts ON links (order_no, substr(request, 1, 4))",
)


def create_order_tables(database: "Database") -> None:
    """Create the tables, inside the caller's transaction."""
    database.table("not_links").create(NOT_LINKS, pk="position", not_null={"verdict", "detail"}, strict=True)
    for statement in STATEMENTS:
        database.execute(statement)


def create_order_indexes(database: "Database") -> None:
    """Create the indexes that a large log is loaded without: one sorted build is cheaper than many random inserts."""
    orders = database.table("orders")
    orders.create_index(["customer_id", "created"], "orders_by_customer", if_not_exists=True)
    orders.create_index(["created"], "orders_by_time", if_not_exists=True)
    for statement in INDEXES:
        database.execute(statement)
