"""Writes the states of orders: their columns, and the products on them."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_UNSPECIFIED
from ordertrail_server.orders.days import encode_day
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.orders.stored_orders import StoredOrder
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.packed_id import pack_sql

COLUMNS = "version, parked, status, delivery_date, state, order_no, order_key, customer_id, source_reference, created"
# OR REPLACE: an order that has no fact yet may have a row, because it is parked or has a refusal.
INSERT = f"INSERT OR REPLACE INTO orders ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, {pack_sql('?7')}, ?8, ?9, ?10)"
# Customer, reference and creation never change, so the indexes on them are left alone.
UPDATE = "UPDATE orders SET version = ?, parked = ?, status = ?, delivery_date = ?, state = ? WHERE order_no = ?"
REMOVE_PRODUCT = "DELETE FROM order_products WHERE product_id = ? AND order_no = ?"
ADD_PRODUCT = "INSERT INTO order_products VALUES (?, ?)"


def write_order_states(
    connection: Connection, changed: Mapping[str, StoredOrder], stored: Mapping[str, StoredOrder]
) -> None:
    """Write the changed orders inside the caller's transaction; `stored` has those of them that were stored before."""
    before = {order_id: order.aggregate.order for order_id, order in stored.items()}
    new = [(*_changing(order), *_fixed(of, order)) for of, order in changed.items() if before.get(of) is None]
    updated = [_changing(order) for of, order in changed.items() if before.get(of) is not None]
    if new:
        connection.executemany(INSERT, new)
    if updated:  # sorted, because neighbouring rows are on the same pages
        connection.executemany(UPDATE, sorted(updated, key=itemgetter(-1)))
    _write_products(connection, changed, before)


def customer_of(order: Order) -> str | None:
    """Return the customer of an order, None if its source named none."""
    return order.customer_id if order.HasField("customer_id") else None


def _changing(stored: StoredOrder) -> tuple[Any, ...]:
    order, version, _, parked = stored.aggregate
    if order is None:
        return version, parked or None, ORDER_STATUS_UNSPECIFIED, None, None, stored.order_no
    day = encode_day(order.expected_delivery_date) if order.HasField("expected_delivery_date") else None
    state = order.SerializeToString(deterministic=True)
    return version, parked or None, order.status, day, state, stored.order_no


def _fixed(order_id: str, stored: StoredOrder) -> tuple[Any, ...]:
    order = stored.aggregate.order
    if order is None:
        return order_id, None, None, None
    reference = order.source.reference if order.source.HasField("reference") else None
    return order_id, customer_of(order), reference, nanoseconds(order.create_time)


def _write_products(
    connection: Connection, changed: Mapping[str, StoredOrder], before: Mapping[str, Order | None]
) -> None:
    removed: list[tuple[str, int]] = []
    added: list[tuple[str, int]] = []
    for order_id, (order_no, aggregate) in changed.items():
        had, has = _products(before.get(order_id)), _products(aggregate.order)
        if had != has:
            removed += [(product_id, order_no) for product_id in had - has]
            added += [(product_id, order_no) for product_id in has - had]
    if removed:
        connection.executemany(REMOVE_PRODUCT, removed)
    if added:
        connection.executemany(ADD_PRODUCT, sorted(added))


def _products(order: Order | None) -> set[str]:
    return {line.product_id for line in order.lines} if order else set()
