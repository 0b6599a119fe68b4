"""The tables of the projection `history`: all events, ready to be sent.

A position is partition << 48 | offset. Times are nanoseconds since 1970-01-01 UTC, clamped to 64 bits.
"""

TABLES = (
    # frame: the event as one element of the repeated field 1 of a response, ready to be joined.
    """CREATE TABLE events (
        position INTEGER PRIMARY KEY, order_id TEXT NOT NULL, version INTEGER NOT NULL, customer_id TEXT,
        type INTEGER NOT NULL, record_time INTEGER NOT NULL, frame BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE event_products (
        product_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (product_id, position)
    ) STRICT, WITHOUT ROWID""",
    # The orders that are parked; position is that of the record that parked the order.
    """CREATE TABLE parked_orders (
        order_id TEXT PRIMARY KEY, reason TEXT NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX parked_orders_by_position ON parked_orders (position)",
)

# Not created while a large log is loaded, because one sorted build is far cheaper than many random inserts.
INDEXES = (
    "CREATE UNIQUE INDEX IF NOT EXISTS events_by_order ON events (order_id, version)",
    "CREATE INDEX IF NOT EXISTS events_by_customer ON events (customer_id, position)",
    "CREATE INDEX IF NOT EXISTS events_by_time ON events (record_time)",
)
