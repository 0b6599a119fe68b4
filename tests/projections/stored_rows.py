"""The rows of a projection's file in tests."""

from contextlib import closing
from pathlib import Path
from typing import Any

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsResponse
from ordertrail_server.projections.orders.tables import HEAD_OF_ORDER
from ordertrail_server.storage.connection import connect_reader

# Orders with their ids and the newest links instead of packed ids.
COLUMNS = {
    "orders": f"""order_no, order_id, version, {HEAD_OF_ORDER}, parked, status, delivery_date, state, customer_id,
        source_reference, created""",
    "events": "position, order_id, version, customer_id, type, record_time, frame",
}

Rows = dict[str, list[tuple[Any, ...]]]


def read_rows(path: Path) -> Rows:
    """Return every row of every table of a file."""
    with closing(connect_reader(path)) as connection:
        names_query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        tables = [name for (name,) in connection.execute(names_query)]
        columns = {table: COLUMNS.get(table, "*") for table in tables}
        rows = {
            table: sorted(connection.execute(f"SELECT {columns[table]} FROM {table} o"), key=repr) for table in tables
        }
    return _replace_order_numbers(rows) if "links" in rows else rows


def _replace_order_numbers(rows: Rows) -> Rows:
    """Return the rows of the projection `orders` without the numbers of orders, which depend on the batches."""
    order_ids = {row[0]: row[1] for row in rows["orders"]}
    orders = sorted((row[1:] for row in rows["orders"]), key=repr)
    links = sorted(((order_ids[row[0]], *row[1:]) for row in rows["links"]), key=repr)
    products = sorted(((row[0], order_ids[row[1]], *row[2:]) for row in rows["order_products"]), key=repr)
    snapshots = sorted(((order_ids[row[0]], *row[1:]) for row in rows["snapshots"]), key=repr)
    return {**rows, "orders": orders, "links": links, "order_products": products, "snapshots": snapshots}


def without_retries(rows: Rows) -> Rows:
    """Return the rows without the counts of retries, which a new fold does not have."""
    return {**rows, "ordertrail_positions": [row[:3] for row in rows["ordertrail_positions"]]}


def indexes(path: Path) -> set[str]:
    with closing(connect_reader(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}


def stored_events(history: Rows) -> list[HistoryEvent]:
    """Return the events that the projection `history` stores, in the order of the log."""
    frames = b"".join(row[6] for row in sorted(history["events"]))
    return list(ListOrderEventsResponse.FromString(frames).events)
