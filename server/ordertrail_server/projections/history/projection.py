"""The projection `history`: all events, ready to be sent."""

from typing import TYPE_CHECKING

from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.history.history_rows import block_times, event_product_rows, event_rows
from ordertrail_server.projections.history.tables import create_history_indexes, create_history_tables
from ordertrail_server.projections.projection import Projection
from ordertrail_server.storage.packed_id import pack_sql

if TYPE_CHECKING:
    from sqlite_utils import Database
INSERT_EVENT = f"INSERT INTO events VALUES (?1, {pack_sql('?2')}, ?3, ?4, ?5, ?6, ?7)"
EXTEND_TIMES = """INSERT INTO event_times VALUES (?, ?, ?) ON CONFLICT DO UPDATE
SET earliest = min(earliest, excluded.earliest), latest = max(latest, excluded.latest)"""


class HistoryProjection(Projection):
    """Stores events for queries and streams."""

    name = "history"

    def create_tables(self, database: "Database") -> None:
        """Create the tables."""
        create_history_tables(database)

    def create_indexes(self, database: "Database") -> None:
        """Create the secondary indexes."""
        create_history_indexes(database)

    def apply(self, batch: Batch, database: "Database") -> None:
        """Write the events, their products, and which orders are parked."""
        connection = database.conn
        events = event_rows(batch)
        connection.executemany(INSERT_EVENT, events)
        connection.executemany(EXTEND_TIMES, block_times(events))
        connection.executemany("INSERT INTO event_products VALUES (?, ?)", event_product_rows(batch))
        if batch.parked:
            changed = [(order_id,) for order_id in batch.parked]
            connection.executemany("DELETE FROM parked_orders WHERE order_id = ?", changed)
            parked = [(order_id, *parking) for order_id, parking in batch.parked.items() if parking]
            connection.executemany("INSERT INTO parked_orders VALUES (?, ?, ?)", parked)
