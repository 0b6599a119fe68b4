"""Folds a parked order's waiting facts again, from its state before them."""

from typing import NamedTuple

from ordertrail_server.log.port import Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import NO_PREDECESSOR, digest
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.fold import BatchFold, Place
from ordertrail_server.projections.projector_error import ReadModelRefused
from ordertrail_server.projections.rows import Rows, write_rows
from ordertrail_server.projections.stored_orders import StoredOrders
from ordertrail_server.storage.sqlite import sqlite3

WAITING = "SELECT position, value FROM parked WHERE order_id = ? ORDER BY position"
# The first record that broke the chain decides: no fact after it can be folded.
BROKEN = """SELECT position, record_time FROM not_facts
WHERE order_id = ? AND verdict = 'broken' ORDER BY position LIMIT 1"""


class RefoldedOrder(NamedTuple):
    """A refolded order: its rows, and its state before them, if a fact was folded before."""

    rows: Rows
    before: dict[str, Aggregate]


def refold_order(
    connection: sqlite3.Connection, orders: StoredOrders, place: Place, order_id: str, aggregate: Aggregate
) -> RefoldedOrder:
    """Fold a parked order's waiting facts and the first record that broke its chain, if any, in the order of the log.

    The rows are those of a fold from the beginning. Raises ReadModelRefused if the waiting facts do not form a chain.
    """
    before = _order_before_waiting(orders, order_id, aggregate)
    fold = BatchFold(place, before, lambda _order_id, _stored, _version: None)
    broken = connection.execute(BROKEN, (order_id,)).fetchone()
    for position, value in connection.execute(WAITING, (order_id,)).fetchall():
        if broken is not None and broken[0] < position:
            fold.break_chain(order_id, LogPosition.unpack(broken[0]).offset, moment(broken[1]))
            broken = None
        fold.take(Logged(LogPosition.unpack(position).offset, order_id, value, digest(value)))
    if broken is not None:
        fold.break_chain(order_id, LogPosition.unpack(broken[0]).offset, moment(broken[1]))
    if fold.rows.not_facts:
        raise ReadModelRefused(
            f"the rows of the parked order {order_id} in the read model are damaged; rebuild the read model"
        )
    return RefoldedOrder(fold.rows, before)


def write_refolded_order(connection: sqlite3.Connection, order_id: str, refolded: RefoldedOrder) -> None:
    """Replace an order's rows by the refolded ones, inside the caller's transaction."""
    for table in ("parked", "parked_orders"):
        connection.execute(f"DELETE FROM {table} WHERE order_id = ?", (order_id,))
    if not refolded.before:  # the stored row is a placeholder
        connection.execute("DELETE FROM orders WHERE order_id = ?", (order_id,))
    write_rows(connection, refolded.rows, refolded.before)


def _order_before_waiting(orders: StoredOrders, order_id: str, aggregate: Aggregate) -> dict[str, Aggregate]:
    """Return the order before its first waiting fact, if it existed."""
    if aggregate.order is None:
        return {}
    version = aggregate.order.version
    head = orders.digest_of(order_id, aggregate, version) or NO_PREDECESSOR
    return {order_id: Aggregate(aggregate.order, version, head, "")}
