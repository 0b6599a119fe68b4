"""A parked order read once more: its waiting facts are folded again, from its state before them."""

from typing import NamedTuple

from ordertrail_server.log.port import Logged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import NO_PREDECESSOR, digest
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.fold import BatchFold, Place
from ordertrail_server.projections.refused import ReadModelRefused
from ordertrail_server.projections.rows import Rows, write_rows
from ordertrail_server.projections.stored_orders import StoredOrders
from ordertrail_server.storage.sqlite import sqlite3

WAITING = "SELECT position, value FROM parked WHERE order_id = ? ORDER BY position"
# Of records that broke the chain the first decides: behind it nothing can be taken in.
BROKEN = """SELECT position, record_time FROM not_facts
WHERE order_id = ? AND verdict = 'broken' ORDER BY position LIMIT 1"""
OFFSET = (1 << 48) - 1


class ReadAgain(NamedTuple):
    """What a parked order's facts say now: its rows, and what they follow on, if any of it was folded before."""

    rows: Rows
    before: dict[str, Aggregate]


def read_again(
    connection: sqlite3.Connection, orders: StoredOrders, place: Place, order_id: str, aggregate: Aggregate
) -> ReadAgain:
    """Fold a parked order's waiting facts, and the record that broke its chain, if one did, in the order of the log.

    The rows are those of a fold from the beginning. Raises ReadModelRefused if what waits is no chain of facts.
    """
    before = _before(orders, order_id, aggregate)
    fold = BatchFold(place, before, lambda _order_id, _stored, _version: None)
    broken = connection.execute(BROKEN, (order_id,)).fetchone()
    for position, value in connection.execute(WAITING, (order_id,)).fetchall():
        if broken is not None and broken[0] < position:
            fold.break_chain(order_id, broken[0] & OFFSET, moment(broken[1]))
            broken = None
        fold.take(Logged(position & OFFSET, order_id, value, digest(value)))
    if broken is not None:
        fold.break_chain(order_id, broken[0] & OFFSET, moment(broken[1]))
    if fold.rows.not_facts:
        raise ReadModelRefused(f"what the read model holds of the parked order {order_id} is damaged; rebuild it")
    return ReadAgain(fold.rows, before)


def write_again(connection: sqlite3.Connection, order_id: str, again: ReadAgain) -> None:
    """Write an order that was read again in the place of what it was, inside the caller's transaction."""
    for table in ("parked", "parked_orders"):
        connection.execute(f"DELETE FROM {table} WHERE order_id = ?", (order_id,))
    if not again.before:  # what stands there is a placeholder
        connection.execute("DELETE FROM orders WHERE order_id = ?", (order_id,))
    write_rows(connection, again.rows, again.before)


def _before(orders: StoredOrders, order_id: str, aggregate: Aggregate) -> dict[str, Aggregate]:
    """Return the order as it stood before the first fact that waits, if it stood at all."""
    if aggregate.order is None:
        return {}
    version = aggregate.order.version
    head = orders.digest_of(order_id, aggregate, version) or NO_PREDECESSOR
    return {order_id: Aggregate(aggregate.order, version, head, "")}
