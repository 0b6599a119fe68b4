"""Parked orders of which an answer over many orders passes over facts: it names them, so that nothing is lost.

What waits cannot be read, so of the conditions only the customer can be asked for, and that only where any fact of the
order was folded. An order of which it is not known is named: better too many than silence.
"""

from collections.abc import Container
from json import loads
from typing import NamedTuple

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.read_model import Connection

AT_ONCE = 100
"""Waiting facts looked at in one step."""

_OF_CUSTOMER = (
    "(SELECT o.order_id FROM orders o WHERE o.order_id = w.order_id AND (o.status = 0 OR o.customer_id = :customer_id))"
)
# One row, as in joining: fetched row by row, the thread would wait for Python's lock at every row.
_WAITING = (
    "SELECT json_group_array(json_array(position, {named})) FROM (SELECT position, order_id FROM parked"
    " WHERE position >= :low AND position < :high ORDER BY position LIMIT :limit) w"
)


class PassedOver(NamedTuple):
    """{order id: the position of its first waiting fact}, of the facts before the position `high`.

    `full` says that there was no room for an order at `high`.
    """

    orders: dict[str, int]
    high: int
    full: bool

    def before(self, position: int) -> list[str]:
        """Return the orders that have a fact before a position."""
        return [order_id for order_id, first in self.orders.items() if first < position]


def passed_over(
    connection: Connection, event_filter: EventFilter, low: int, high: int, limits: Limits, named: Container[str]
) -> PassedOver:
    """Return the parked orders with facts from position `low` to before `high`, but for those `named` already.

    It is looked less far after many facts, and where a name has no room. Of one order's events nothing is passed over.
    """
    if event_filter.order_id:
        return PassedOver({}, high, full=False)
    facts, max_bytes = _waiting(connection, event_filter, low, high), limits.max_bytes
    positions: dict[str, int] = {}
    for position, order_id in facts:
        if order_id is not None and order_id not in positions and order_id not in named:
            max_bytes -= size_of(order_id)
            if max_bytes < 0 and len(positions) >= limits.min_events:
                return PassedOver(positions, position, full=True)
            positions[order_id] = position
    return PassedOver(positions, high if len(facts) < AT_ONCE else facts[-1][0] + 1, full=False)


def size_of(order_id: str) -> int:
    """Return how many bytes an answer needs to name an order, or some more."""
    return len(order_id.encode()) + 6


def _waiting(connection: Connection, event_filter: EventFilter, low: int, high: int) -> list[tuple[int, str | None]]:
    """Return (position, order id) of the first facts that wait; no id where the customer is another one."""
    statement = _WAITING.format(named=_OF_CUSTOMER if event_filter.customer_id else "order_id")
    values = {"low": low, "high": high, "limit": AT_ONCE, "customer_id": event_filter.customer_id}
    return [(position, order_id) for position, order_id in loads(connection.execute(statement, values).fetchone()[0])]
