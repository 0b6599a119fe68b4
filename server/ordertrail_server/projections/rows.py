"""The rows of one batch, and their SQL statements. This module decides nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.days import encode_day
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.storage.sqlite import sqlite3

# position, order id, version, customer, type, record time, digest, frame: a row of `events`.
# A plain tuple, because a NamedTuple would cost as much as the insert of a column.
EventRow = tuple[int, str, int, str | None, int, int, bytes, bytes]


@dataclass(slots=True)
class Rows:
    """The rows that a batch adds to append-only tables, and the orders that it changed.

    `placeholders` has a state for each order that was parked before any fact of it could be folded. `written` has
    the field number of every record's event; a barrier is not a record.
    """

    events: list[EventRow] = field(default_factory=list)
    event_products: list[tuple[str, int]] = field(default_factory=list)
    not_facts: list[tuple[int, str, str | None, str, int | None]] = field(default_factory=list)
    parked_orders: list[tuple[str, int, int]] = field(default_factory=list)
    parked: list[tuple[int, str, str, bytes]] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    orders: dict[str, Aggregate] = field(default_factory=dict)
    placeholders: dict[str, Order] = field(default_factory=dict)


COUNT = """INSERT INTO written VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count"""


def customer_of(order: Order) -> str | None:
    """Return the customer of an order, None if its source named none."""
    return order.customer_id if order.HasField("customer_id") else None


def write_rows(connection: sqlite3.Connection, rows: Rows, before: Mapping[str, Aggregate]) -> None:
    """Write a batch inside the caller's transaction; `before` has the orders that were stored already."""

    def execute_many(statement: str, parameters: Sequence[Sequence[object]]) -> None:
        if parameters:
            connection.executemany(statement, parameters)

    execute_many("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows.events)
    execute_many("INSERT INTO event_products VALUES (?, ?)", rows.event_products)
    execute_many("INSERT INTO not_facts VALUES (?, ?, ?, ?, ?)", rows.not_facts)
    execute_many("INSERT INTO parked_orders VALUES (?, ?, ?)", rows.parked_orders)
    execute_many("INSERT INTO parked VALUES (?, ?, ?, ?)", rows.parked)
    new = [(order_id, after) for order_id, after in rows.orders.items() if order_id not in before]
    old = [(order_id, after) for order_id, after in rows.orders.items() if order_id in before]
    execute_many(
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_order_row(order_id, after, after.order or rows.placeholders[order_id]) for order_id, after in new],
    )
    # Customer, reference and creation never change, so the indexes on them are left alone.
    execute_many(
        "UPDATE orders SET version = ?, head = ?, parked = ?, status = ?, delivery_date = ?, state = ? "
        "WHERE order_id = ?",
        [_state_row(order_id, after, after.order) for order_id, after in old if after.order is not None],
    )
    execute_many(
        "UPDATE orders SET version = ?, head = ?, parked = ? WHERE order_id = ?",
        [(after.version, after.head, after.parked or None, order_id) for order_id, after in old if after.order is None],
    )
    _write_products(connection, rows.orders, before)


def count_written(connection: sqlite3.Connection, partition: int, rows: Rows) -> None:
    """Count a batch's records by the numbers of their events, inside the caller's transaction."""
    connection.executemany(COUNT, [(partition, number, count) for number, count in Counter(rows.written).items()])


def _order_row(order_id: str, after: Aggregate, state: Order) -> tuple[object, ...]:
    source = state.source
    return (
        order_id,
        after.version,
        after.head,
        after.parked or None,
        customer_of(state),
        state.status,
        source.reference if source.HasField("reference") else None,
        _delivery_date(state),
        nanoseconds(state.create_time),
        state.SerializeToString(deterministic=True),
    )


def _state_row(order_id: str, after: Aggregate, state: Order) -> tuple[object, ...]:
    stored = state.SerializeToString(deterministic=True)
    return after.version, after.head, after.parked or None, state.status, _delivery_date(state), stored, order_id


def _delivery_date(state: Order) -> int | None:
    if not state.HasField("expected_delivery_date"):
        return None
    return encode_day(state.expected_delivery_date)


def _write_products(
    connection: sqlite3.Connection, orders: Mapping[str, Aggregate], before: Mapping[str, Aggregate]
) -> None:
    removed: list[tuple[str, str]] = []
    added: list[tuple[str, str]] = []
    for order_id, after in orders.items():
        had, has = _products(before.get(order_id)), _products(after)
        if had != has:
            removed += _pairs(had - has, order_id)
            added += _pairs(has - had, order_id)
    connection.executemany("DELETE FROM order_products WHERE product_id = ? AND order_id = ?", removed)
    connection.executemany("INSERT INTO order_products VALUES (?, ?)", added)


def _products(aggregate: Aggregate | None) -> set[str]:
    if aggregate is None or aggregate.order is None:
        return set()
    return {line.product_id for line in aggregate.order.lines}


def _pairs(products: Iterable[str], order_id: str) -> list[tuple[str, str]]:
    return [(product_id, order_id) for product_id in products]
