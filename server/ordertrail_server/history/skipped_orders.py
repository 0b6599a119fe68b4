"""Parked orders whose waiting facts an answer over many orders skips. The answer names them, so nothing is lost.

Waiting facts cannot be read, so only the customer condition applies to them, and only if a fact of the order was
folded. An order of an unknown customer is named to callers who may read all orders: a superfluous name is better than a
missing one.
"""

from collections.abc import Container
from json import loads
from typing import NamedTuple

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.span import Span
from ordertrail_server.storage.packed_id import pack_sql
from ordertrail_server.storage.row_limit import NAMED_LIMIT

AT_ONCE = 100
"""How many waiting facts one step reads."""

_OF_CUSTOMER = (
    "(CASE (SELECT ifnull(e.customer_id = :customer_id, FALSE) FROM events e"
    f" WHERE e.order_key = {pack_sql('w.order_id')} LIMIT 1)"
    " WHEN FALSE THEN NULL ELSE order_id END)"
)
_IN_SCOPE = (
    "(SELECT w.order_id FROM events e"
    f" WHERE e.order_key = {pack_sql('w.order_id')} AND e.version = 1 AND {{condition}})"
)
# One row, as in blob_join: fetched row by row, the thread would wait for the GIL at every row.
_WAITING = (
    "SELECT json_group_array(json_array(position, {named})) FROM (SELECT position, order_id FROM ordertrail_waiting"
    " WHERE position >= :low AND position < :high ORDER BY position {direction} {limit}) w"
)


class SkippedOrders(NamedTuple):
    """{order id: the position of its waiting fact that is read first}, of the facts in a span.

    `is_full` is true if the answer has no space for the name of the order after the span.
    """

    orders: dict[str, int]
    span: Span
    is_full: bool

    def orders_outside(self, remainder: Span) -> list[str]:
        """Return the orders with a waiting fact that is not in the remainder of the span."""
        return [order_id for order_id, position in self.orders.items() if not remainder.holds(position)]


def find_skipped_orders(
    connection: Connection, event_filter: EventFilter, span: Span, limits: Limits, named_ids: Container[str]
) -> SkippedOrders:
    """Return the parked orders with waiting facts in a span, without those in `named_ids`.

    The search ends earlier after AT_ONCE facts, and where a name has no space. The events of one order skip nothing.
    """
    if event_filter.order_id:
        return SkippedOrders({}, span, is_full=False)
    facts, max_bytes = _read_waiting_facts(connection, event_filter, span), limits.max_bytes
    positions: dict[str, int] = {}
    for position, order_id in facts:
        if order_id is not None and order_id not in positions and order_id not in named_ids:
            max_bytes -= name_size(order_id)
            if max_bytes < 0 and len(positions) >= limits.min_events:
                return SkippedOrders(positions, span.before(position), is_full=True)
            positions[order_id] = position
    return SkippedOrders(positions, span if len(facts) < AT_ONCE else span.through(facts[-1][0]), is_full=False)


def name_size(order_id: str) -> int:
    """Return an upper bound of the bytes that an answer needs to name an order."""
    return len(order_id.encode()) + 6


def _read_waiting_facts(connection: Connection, event_filter: EventFilter, span: Span) -> list[tuple[int, str | None]]:
    """Return (position, order id) of the first waiting facts; the id is None if the order is of another customer."""
    named, scope = "order_id", event_filter.scope
    if not scope.is_unbounded:
        named = _IN_SCOPE.format(condition=event_filter.customer_condition())
    elif event_filter.customer_id:
        named = _OF_CUSTOMER
    statement = _WAITING.format(named=named, direction="DESC" if span.is_descending else "", limit=NAMED_LIMIT)
    values = event_filter.values() | {"low": span.low, "high": span.high, "limit": AT_ONCE}
    return [(position, order_id) for position, order_id in loads(connection.execute(statement, values).fetchone()[0])]
