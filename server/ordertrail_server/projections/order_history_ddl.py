"""The tables of the order history, the read model that history/ answers from. One SQLite file holds one of them.

Every offset of the log is in exactly one of `events`, `not_facts` and `parked`, and counted in `written` unless it is a
barrier's. A position is partition << 48 | offset. Times are nanoseconds since 1970-01-01 UTC, clamped to 64
bits.
"""

TABLES = (
    # log_id: the identity of the log; definition: the digest of the code that filled this file (definition.py).
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
    # digest: of the last record folded, whatever its verdict; empty at offset 0.
    # retries: how often a parked order of the partition was refolded, which changes rows before next_offset.
    """CREATE TABLE positions (
        partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, digest BLOB NOT NULL, retries INTEGER NOT NULL
    ) STRICT""",
    # The number of records by the field number of their event in `Record`, for any verdict; number 0: without an event.
    """CREATE TABLE written (
        partition INTEGER NOT NULL, number INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (partition, number)
    ) STRICT, WITHOUT ROWID""",
    # version and head follow the chain, also while an order is parked; the other columns are of the state folded last.
    # An order parked before any fact of it could be folded has status 0 and a state without lines.
    """CREATE TABLE orders (
        order_id TEXT PRIMARY KEY, version INTEGER NOT NULL, head BLOB NOT NULL, parked TEXT, customer_id TEXT,
        status INTEGER NOT NULL, source_reference TEXT, delivery_date INTEGER, created INTEGER NOT NULL,
        state BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE order_products (
        product_id TEXT NOT NULL, order_id TEXT NOT NULL, PRIMARY KEY (product_id, order_id)
    ) STRICT, WITHOUT ROWID""",
    # frame: the event as one element of the repeated field 1 of a response, ready to be joined.
    """CREATE TABLE events (
        position INTEGER PRIMARY KEY, order_id TEXT NOT NULL, version INTEGER NOT NULL, customer_id TEXT,
        type INTEGER NOT NULL, record_time INTEGER NOT NULL, digest BLOB NOT NULL, frame BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE event_products (
        product_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (product_id, position)
    ) STRICT, WITHOUT ROWID""",
    # verdict: void or broken (orders/chain.py), foreign or barrier; of these order_id and record_time are NULL.
    """CREATE TABLE not_facts (
        position INTEGER PRIMARY KEY, verdict TEXT NOT NULL, order_id TEXT, detail TEXT NOT NULL, record_time INTEGER
    ) STRICT""",
    "CREATE INDEX broken_by_order ON not_facts (order_id, position) WHERE verdict = 'broken'",
    # The orders that are parked; position and record_time are those of the record that parked the order.
    """CREATE TABLE parked_orders (
        order_id TEXT PRIMARY KEY, position INTEGER NOT NULL, record_time INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX parked_orders_by_time ON parked_orders (record_time, order_id)",
    # The waiting facts of parked orders, in order; value is the stored record. reason: the fault of this record, or
    # otherwise the reason why its order is parked.
    """CREATE TABLE parked (
        position INTEGER PRIMARY KEY, order_id TEXT NOT NULL, reason TEXT NOT NULL, value BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX parked_by_order ON parked (order_id)",
)

EVENTS_BY_ORDER = "CREATE UNIQUE INDEX IF NOT EXISTS events_by_order ON events (order_id, version)"

# Not created while a large log is loaded, because one sorted build is far cheaper than many random inserts.
INDEXES = (
    EVENTS_BY_ORDER,
    "CREATE INDEX IF NOT EXISTS events_by_customer ON events (customer_id, position)",
    "CREATE INDEX IF NOT EXISTS events_by_time ON events (record_time)",
    "CREATE INDEX IF NOT EXISTS orders_by_customer ON orders (customer_id, created, order_id)",
    "CREATE INDEX IF NOT EXISTS orders_by_reference ON orders (source_reference)",
    # The last one: if it exists, all do.
    "CREATE INDEX IF NOT EXISTS orders_by_time ON orders (created, order_id)",
)

INDEXED = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'orders_by_time'"
