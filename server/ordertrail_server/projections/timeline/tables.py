"""The tables of the projection `timeline`, and its two views, which people read.

A row says what a fact changed, and is never updated: the views look up until when it was valid. docs/timeline.md
describes the views. `order_no` is the position of the order's first fact, partition << 48 | offset. So it depends on
the log alone, and new rows are near the last ones.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

FOREVER = "9999-12-31T23:59:59.999999999Z"
"""When the present version ends. It is a time, because a condition on NULL would lose the present versions."""

# sqlite-utils cannot create tables WITHOUT ROWID. These have none because their keys are in all their indexes, and
# because DuckDB reads a table in ranges of rowids: a position as the rowid would be 2^48 ranges to the next partition.
TABLES = (
    # placed_at: the record time of the first fact.
    """CREATE TABLE placed_orders (
        order_no INTEGER PRIMARY KEY, order_id TEXT NOT NULL, customer_id TEXT, source_reference TEXT,
        placed_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # New facts find their orders by it, so it cannot be created later.
    "CREATE UNIQUE INDEX placed_orders_by_id ON placed_orders (order_id)",
    """CREATE TABLE order_changes (
        order_no INTEGER NOT NULL, version INTEGER NOT NULL, "offset" INTEGER NOT NULL, valid_from TEXT NOT NULL,
        status TEXT NOT NULL, total_amount TEXT, currency TEXT, total_quantity INTEGER NOT NULL,
        shipped_quantity INTEGER NOT NULL, delivery_date TEXT, event_type TEXT NOT NULL, actor TEXT, request_id TEXT,
        PRIMARY KEY (order_no, version)
    ) STRICT, WITHOUT ROWID""",
    # Only the lines of the products that the fact names. quantity is NULL if no line of the product is left. line_no
    # distinguishes lines of one product, which only another producer can record.
    """CREATE TABLE line_changes (
        order_no INTEGER NOT NULL, product_id TEXT NOT NULL, version INTEGER NOT NULL, line_no INTEGER NOT NULL,
        quantity INTEGER, shipped_quantity INTEGER, unit_price TEXT, currency TEXT,
        PRIMARY KEY (order_no, product_id, version, line_no)
    ) STRICT, WITHOUT ROWID""",
)
# Standard SQL, because DuckDB runs the text of a view itself.
VIEWS = (
    f"""CREATE VIEW order_versions AS
    SELECT o.order_id, c.version, o.order_no >> 48 AS "partition", c."offset", c.valid_from,
        coalesce(
            (SELECT n.valid_from FROM order_changes n WHERE n.order_no = c.order_no AND n.version = c.version + 1),
            '{FOREVER}'
        ) AS valid_until,
        c.status, o.customer_id, c.total_amount, c.currency, c.total_quantity, c.shipped_quantity, c.delivery_date,
        c.event_type, c.actor, c.request_id, o.source_reference
    FROM placed_orders o JOIN order_changes c ON c.order_no = o.order_no""",
    f"""CREATE VIEW line_versions AS
    SELECT o.order_id, l.product_id, l.version, c.valid_from,
        coalesce(
            (SELECT n.valid_from FROM order_changes n WHERE n.order_no = l.order_no AND n.version = (
                SELECT min(m.version) FROM line_changes m
                WHERE m.order_no = l.order_no AND m.product_id = l.product_id AND m.version > l.version
            )),
            '{FOREVER}'
        ) AS valid_until,
        l.quantity, l.shipped_quantity, l.unit_price, l.currency
    FROM placed_orders o
    JOIN line_changes l ON l.order_no = o.order_no
    JOIN order_changes c ON c.order_no = l.order_no AND c.version = l.version
    WHERE l.quantity IS NOT NULL""",
)
# sqlite-utils cannot create indexes of a part of the rows.
BY_REFERENCE = """CREATE INDEX IF NOT EXISTS placed_orders_by_reference ON placed_orders (source_reference)
WHERE source_reference IS NOT NULL"""


def create_timeline_tables(database: "Database") -> None:
    """Create the tables and the views."""
    for statement in (*TABLES, *VIEWS):
        database.execute(statement)


def create_timeline_indexes(database: "Database") -> None:
    """Create the indexes that a large log is loaded without: one sorted build is cheaper than many random inserts."""
    orders, lines = database.table("placed_orders"), database.table("line_changes")
    orders.create_index(["customer_id", "placed_at"], "placed_orders_by_customer", if_not_exists=True)
    orders.create_index(["placed_at"], "placed_orders_by_time", if_not_exists=True)
    lines.create_index(["product_id", "order_no", "version"], "line_changes_by_product", if_not_exists=True)
    database.execute(BY_REFERENCE)
