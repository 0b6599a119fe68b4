"""The projection `timeline`: what each version of each order was, and from when until when, for people and SQL."""

from typing import TYPE_CHECKING

from ordertrail_server.orders.time_text import time_text
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.timeline.line_rows import line_rows
from ordertrail_server.projections.timeline.order_numbers import number_orders
from ordertrail_server.projections.timeline.order_rows import Row, change_row, order_row
from ordertrail_server.projections.timeline.tables import create_timeline_indexes, create_timeline_tables

if TYPE_CHECKING:
    from sqlite_utils import Database

INSERT_ORDER = "INSERT INTO placed_orders VALUES (?, ?, ?, ?, ?)"
INSERT_CHANGE = f"INSERT INTO order_changes VALUES ({', '.join('?' * 13)})"
INSERT_LINE = f"INSERT INTO line_changes VALUES ({', '.join('?' * 8)})"


class Timeline(Projection):
    """Adds rows for each fact, and never changes one."""

    name = "timeline"
    uses_orders = True

    def create_tables(self, database: "Database") -> None:
        """Create the tables and the views."""
        create_timeline_tables(database)

    def create_indexes(self, database: "Database") -> None:
        """Create the secondary indexes."""
        create_timeline_indexes(database)

    def apply(self, batch: Batch, database: "Database") -> None:
        """Write what each fact changed."""
        numbers = number_orders(batch, database.conn)
        orders: list[Row] = []
        changes: list[Row] = []
        lines: list[Row] = []
        for fact in batch.facts:
            order, order_no = fact.order, numbers[fact.logged.key]
            assert order is not None  # the projection uses orders
            time = time_text(nanoseconds(fact.time))
            if order.version == 1:
                orders.append(order_row(fact, order, order_no, time))
            changes.append(change_row(fact, order, order_no, time))
            lines += line_rows(fact.reading.event, order, order_no)
        connection = database.conn
        connection.executemany(INSERT_ORDER, orders)
        connection.executemany(INSERT_CHANGE, changes)
        connection.executemany(INSERT_LINE, lines)
