"""Writes a batch to the tables of the projection `orders`."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ordertrail_server.facts.link import Link
from ordertrail_server.facts.step import Judged
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import LINKS, Verdict
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.order_fold import OrderFold
from ordertrail_server.projections.orders.order_states import write_order_states
from ordertrail_server.projections.orders.snapshots import write_snapshots
from ordertrail_server.projections.orders.stored_orders import StoredOrder
from ordertrail_server.storage.connection import Connection

INSERT_LINK = "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_NOT_LINK = "INSERT INTO not_links VALUES (?, ?, ?, ?, ?)"
INSERT_PARKED = "INSERT INTO parked_orders VALUES (?, ?, ?)"
COUNT_WRITTEN = """INSERT INTO written VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count"""


def number_orders(fold: OrderFold, stored: Mapping[str, StoredOrder], last_number: int) -> dict[str, StoredOrder]:
    """Return the orders that a batch changed with their numbers; new orders follow on `last_number`."""
    numbered: dict[str, StoredOrder] = {}
    for order_id, aggregate in fold.orders.items():
        stored_order = stored.get(order_id)
        if stored_order is None:
            last_number += 1
        numbered[order_id] = StoredOrder(stored_order.order_no if stored_order else last_number, aggregate)
    return numbered


def write_order_rows(
    connection: Connection, fold: OrderFold, changed: Mapping[str, StoredOrder], stored: Mapping[str, StoredOrder]
) -> None:
    """Write the rows of a batch inside the caller's transaction."""

    def execute_many(statement: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            connection.executemany(statement, rows)

    batch = fold.batch
    write_order_states(connection, changed, stored)
    write_snapshots(connection, (fact.order for fact in batch.facts), changed)
    execute_many(INSERT_LINK, [link_row(changed[order_id].order_no, link) for order_id, link in fold.links])
    not_links = [(logged, judged) for logged, judged in batch.non_facts if judged.verdict not in LINKS]
    execute_many(INSERT_NOT_LINK, [_not_link_row(batch, logged, judged) for logged, judged in not_links])
    execute_many(INSERT_PARKED, _parked_rows(batch))
    execute_many(COUNT_WRITTEN, [(batch.partition, number, count) for number, count in _count_written(batch).items()])


def link_row(order_no: int, link: Link) -> tuple[object, ...]:
    """Return the row of a link."""
    version, digest, request, command, offset, time, is_refusal = link
    return order_no, version, offset, digest, request, command, time, is_refusal


def _not_link_row(batch: Batch, logged: Logged, judged: Judged) -> tuple[object, ...]:
    position, verdict = batch.position_of(logged.offset), judged.verdict
    if judged.reading is None or verdict in (Verdict.FOREIGN, Verdict.BARRIER):
        return position, verdict.value, None, judged.detail, None
    return position, verdict.value, logged.key, judged.detail, nanoseconds(judged.reading.event.record_time)


def _parked_rows(batch: Batch) -> list[tuple[str, int, int]]:
    """Return order id, position and record time of the record that parked each order."""
    if not batch.parked:
        return []
    records = [(fact.logged, fact.reading) for fact in batch.waiting]
    records += [(logged, judged.reading) for logged, judged in batch.non_facts if judged.reading is not None]
    times = {batch.position_of(logged.offset): reading.event.record_time for logged, reading in records}
    parkings = ((order_id, parking.position) for order_id, parking in batch.parked.items() if parking)
    return [(order_id, position, nanoseconds(times[position])) for order_id, position in parkings]


def _count_written(batch: Batch) -> Counter[int]:
    """Count the records by the number of their event; a barrier is not a record."""
    numbers = [fact.reading.number for fact in batch.facts] + [fact.reading.number for fact in batch.waiting]
    numbers += [
        judged.reading.number if judged.reading else 0
        for _, judged in batch.non_facts
        if judged.verdict is not Verdict.BARRIER
    ]
    return Counter(numbers)
