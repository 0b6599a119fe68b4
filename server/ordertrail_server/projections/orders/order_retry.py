"""Folds the waiting facts of a parked order again, from its state before them."""

from collections.abc import Sequence
from typing import NamedTuple

from ordertrail_server.facts.link import link_of
from ordertrail_server.log.port import Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.aggregate import Aggregate, advance, park_broken
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.orders.order_states import write_order_states
from ordertrail_server.projections.orders.snapshots import write_snapshots
from ordertrail_server.projections.orders.stored_orders import StoredOrder
from ordertrail_server.projections.projection_error import ProjectionRefused
from ordertrail_server.projections.projection_file import WAIT
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.storage.connection import Connection

WAITING = "SELECT position FROM ordertrail_waiting WHERE order_id = ? ORDER BY position"
# The first record that broke the chain decides: no fact after it can be folded.
BROKEN = "SELECT min(position) FROM not_links WHERE order_id = ? AND verdict = 'broken'"
UPDATE_TIME = 'UPDATE links SET time = ? WHERE order_no = ? AND version = ? AND "offset" = ?'
INSERT_PARKED = "INSERT INTO parked_orders VALUES (?, ?, ?)"


class WaitingRecords(NamedTuple):
    """The packed positions of an order's waiting facts, and of the first record that broke its chain, if any."""

    facts: tuple[int, ...]
    broken: int | None

    def offsets(self) -> list[int]:
        """Return the offsets of all of them, in the order of the log."""
        positions = (*self.facts, *(() if self.broken is None else (self.broken,)))
        return sorted(LogPosition.unpack(position).offset for position in positions)


class RefoldedOrder(NamedTuple):
    """An order folded again: the facts that could be folded now, with the order after each, and those still waiting.

    `parked_by` is the record that parks it now, None if it is no longer parked.
    """

    aggregate: Aggregate
    folded: list[tuple[Logged, Reading, Aggregate]]
    waiting: list[tuple[int, str]]
    parked_by: tuple[Logged, Reading] | None


def find_waiting_records(connection: Connection, order_id: str, parked: Aggregate) -> WaitingRecords:
    """Return the records that a retry folds again. Raises ProjectionRefused if waiting facts are missing."""
    facts = tuple(position for (position,) in connection.execute(WAITING, (order_id,)))
    folded_version = parked.order.version if parked.order else 0
    if folded_version + len(facts) != parked.version:
        raise ProjectionRefused(f"the waiting facts of the parked order {order_id} are damaged")
    return WaitingRecords(facts, connection.execute(BROKEN, (order_id,)).fetchone()[0])


def refold_order(
    parked: Aggregate, records: Sequence[Logged], waiting: WaitingRecords, partition: int
) -> RefoldedOrder:
    """Fold the records onto the state of a parked order. Verdicts do not depend on parking, so they stay."""
    refolded = RefoldedOrder(parked._replace(parked=""), [], [], None)
    for logged in records:
        reading = read(logged.value)
        if reading is None:
            raise ProjectionRefused(f"the record at offset {logged.offset} was a fact, but can no longer be read")
        position = LogPosition(partition, logged.offset).pack()
        refolded = _fold_record(refolded, logged, reading, position, position == waiting.broken)
    return refolded


def _fold_record(
    so_far: RefoldedOrder, logged: Logged, reading: Reading, position: int, is_broken: bool
) -> RefoldedOrder:
    before = so_far.aggregate
    if is_broken:
        after = park_broken(before, logged.offset)
    else:
        after = advance(before, reading.event, reading.fault, logged.digest)
        if after.parked:
            so_far.waiting.append((position, reading.fault or after.parked))
        else:
            so_far.folded.append((logged, reading, after))
    is_first = bool(after.parked) and so_far.parked_by is None
    return so_far._replace(aggregate=after, parked_by=(logged, reading) if is_first else so_far.parked_by)


def write_refolded_order(
    connection: Connection, order_id: str, stored: StoredOrder, refolded: RefoldedOrder, partition: int
) -> StoredOrder:
    """Replace the rows of an order inside the caller's transaction, and return the order. Its chain stays as it was."""
    aggregate = stored.aggregate._replace(order=refolded.aggregate.order, parked=refolded.aggregate.parked)
    after = StoredOrder(stored.order_no, aggregate)
    write_order_states(connection, {order_id: after}, {order_id: stored})
    write_snapshots(connection, (folded.order for _, _, folded in refolded.folded), {order_id: after})
    connection.execute("DELETE FROM ordertrail_waiting WHERE order_id = ?", (order_id,))
    connection.executemany(WAIT, [(position, order_id, reason) for position, reason in refolded.waiting])
    connection.execute("DELETE FROM parked_orders WHERE order_id = ?", (order_id,))
    if refolded.parked_by is not None:
        logged, reading = refolded.parked_by
        position = LogPosition(partition, logged.offset).pack()
        connection.execute(INSERT_PARKED, (order_id, position, nanoseconds(reading.event.record_time)))
    links = [link_of(reading.event, after, logged.digest, logged.offset) for logged, reading, after in refolded.folded]
    times = [(link.time, stored.order_no, link.version, link.offset) for link in links if link.time is not None]
    connection.executemany(UPDATE_TIME, times)
    return after
