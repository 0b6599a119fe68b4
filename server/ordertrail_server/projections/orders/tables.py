"""The tables of the projection `orders`: for each order its state and the links of its chain.

They are what the command side decides on, what the engine judges the next records by, and what queries for orders are
answered from. Every offset of the log is the offset of a link or the position of a row in `not_links`. A position is
partition << 48 | offset. Times are nanoseconds since 1970-01-01 UTC, clamped to 64 bits.
"""

TABLES = (
    # order_no: the order's number in this file. head: the digest of the newest link. version: of the newest link.
    # parked: why later facts wait, or NULL. The other columns are of the state after the last fact that was folded.
    # Before the first one, state is NULL and status 0.
    """CREATE TABLE orders (
        order_no INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, head BLOB NOT NULL,
        parked TEXT, status INTEGER NOT NULL, delivery_date INTEGER, state BLOB, customer_id TEXT,
        source_reference TEXT, created INTEGER
    ) STRICT""",
    """CREATE TABLE order_products (
        product_id TEXT NOT NULL, order_no INTEGER NOT NULL, PRIMARY KEY (product_id, order_no)
    ) STRICT, WITHOUT ROWID""",
    # "offset": in the partition of the order. time: as folded, NULL if it is the time of the record.
    """CREATE TABLE links (
        order_no INTEGER NOT NULL, version INTEGER NOT NULL, "offset" INTEGER NOT NULL, digest BLOB NOT NULL,
        request BLOB NOT NULL, command BLOB NOT NULL, time INTEGER, is_refusal INTEGER NOT NULL,
        PRIMARY KEY (order_no, version, "offset")
    ) STRICT, WITHOUT ROWID""",
    # verdict: void or broken, foreign or barrier (orders/chain.py); of the last two order_id and record_time are NULL.
    """CREATE TABLE not_links (
        position INTEGER PRIMARY KEY, verdict TEXT NOT NULL, order_id TEXT, detail TEXT NOT NULL, record_time INTEGER
    ) STRICT""",
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

# Not created while a large log is loaded, because one sorted build is far cheaper than many random inserts.
INDEXES = (
    "CREATE INDEX IF NOT EXISTS orders_by_customer ON orders (customer_id, created)",
    "CREATE INDEX IF NOT EXISTS orders_by_reference ON orders (source_reference)",
    "CREATE INDEX IF NOT EXISTS orders_by_time ON orders (created)",
    # The last one: if it exists, all do.
    "CREATE INDEX IF NOT EXISTS receipts ON links (order_no, request)",
)
