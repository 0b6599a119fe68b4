"""Finds the orders that changed between two moments: each by its first change."""

import json
from typing import NamedTuple

from ordertrail_server.history.diffs.diff_bounds import DiffBounds
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.skipped_orders import find_skipped_orders
from ordertrail_server.history.span import Span
from ordertrail_server.history.tokens import Moment
from ordertrail_server.history.version_search import find_versions
from ordertrail_server.log.position import LogPosition
from ordertrail_server.storage.row_limit import NAMED_LIMIT

WINDOW = 5_000
"""The most events that one step visits."""

MAX_ORDERS = 50
"""The most orders that one step returns. It bounds the memory for their states."""

# Of an order's changes only the first one follows on a version that the first moment includes.
# One row, as in blob_join.
_CHANGED = """SELECT json_group_array(json_array(position, order_id, version)) FROM (
SELECT e.position, e.order_id, e.version FROM events e
WHERE {customer} AND e.position >= :low AND e.position < :high AND {end} AND NOT ({start_of_event})
AND (e.version = 1 OR EXISTS (
SELECT 1 FROM events p WHERE p.order_key = e.order_key AND p.version = e.version - 1 AND {start_of_previous}))
ORDER BY e.position {limit})"""

_PARKED = """SELECT json_group_array(order_id) FROM parked_orders
WHERE order_id IN (SELECT value FROM json_each(?))"""
_NO_LIMIT = Limits(1, 1 << 30)


class ChangedOrder(NamedTuple):
    """An order, and the position and version of its first change."""

    position: int
    order_id: str
    version: int


class ChangedOrders(NamedTuple):
    """What one step found: orders, the position where the next step begins, and parked orders with waiting facts."""

    orders: list[ChangedOrder]
    next: int
    parked_ids: list[str]


def find_changed_orders(
    bounds: DiffBounds, event_filter: EventFilter, partition: int, low: int, named_ids: set[str], connection: Connection
) -> ChangedOrders:
    """Return the next changed orders of a partition from the packed position `low` on; `named_ids` are not repeated.

    The filter has conditions on customers only.
    """
    span = Span(low, LogPosition(partition, bounds.high[partition]).pack())
    span = _limit_visits(connection, event_filter, span)
    skipped = find_skipped_orders(connection, event_filter, span, _NO_LIMIT, named_ids)
    statement = _CHANGED.format(
        limit=NAMED_LIMIT,
        customer=event_filter.customer_condition(),
        end=_includes(bounds.end, "e", "end"),
        start_of_event=_includes(bounds.start, "e", "start"),
        start_of_previous=_includes(bounds.start, "p", "start"),
    )
    values = event_filter.values() | {
        "low": low,
        "high": skipped.span.high,
        "limit": MAX_ORDERS,
        "start_time": bounds.start.time,
        "start_position": LogPosition(partition, bounds.start.offsets[partition]).pack(),
        "end_time": bounds.end.time,
        "end_position": LogPosition(partition, bounds.end.offsets[partition]).pack(),
    }
    [rows] = connection.execute(statement, values).fetchone()
    orders = [ChangedOrder(*row) for row in json.loads(rows)]
    reached = skipped.span.high if len(orders) < MAX_ORDERS else orders[-1].position + 1
    return ChangedOrders(orders, reached, skipped.orders_outside(Span(reached, span.high)))


def find_last_versions(end: Moment, order_ids: list[str], connection: Connection) -> tuple[dict[str, int], list[str]]:
    """Return the version of each order at the second moment, and those of the orders that are parked."""
    [parked_ids] = connection.execute(_PARKED, (json.dumps(order_ids),)).fetchone()
    return find_versions(connection, order_ids, end), json.loads(parked_ids)


def _limit_visits(connection: Connection, event_filter: EventFilter, span: Span) -> Span:
    values = event_filter.values() | {"low": span.low, "high": span.high, "count": WINDOW}
    row = connection.execute(event_filter.index_position(), values).fetchone()
    return span if row is None else span.before(row[0])


def _includes(moment: Moment, row: str, name: str) -> str:
    """Return the condition that a moment includes a row of `events` in the partition of the step."""
    before = f"{row}.position < :{name}_position"
    return before if moment.time is None else f"{before} AND {row}.record_time <= :{name}_time"
