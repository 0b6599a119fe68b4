"""The cache of the projection `orders` is bounded in bytes, and holds the orders that changed last."""

import pytest

from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.order_memory import ORDER_BYTES, memory_of_order
from ordertrail_server.projections.orders.stored_orders import StoredOrder, StoredOrders
from ordertrail_server.projections.orders.tables import create_order_tables
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.storage.sqlite import sqlite3

LIMIT = 50 * ORDER_BYTES


@pytest.fixture
def file() -> sqlite3.Connection:
    """Return a file without orders, so that only cached ones are loaded."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_order_tables(wrap_connection(connection))
    return connection


def build_order(number: int, lines: int) -> StoredOrder:
    order = Order(order_id=f"order-{number}", lines=[OrderLine(product_id=f"product-{n}") for n in range(lines)])
    return StoredOrder(number, Aggregate(order, 1, b"h" * 16, ""))


def memory_of(orders: dict[str, StoredOrder]) -> int:
    return sum(memory_of_order(stored.aggregate.order) for stored in orders.values())


@pytest.mark.parametrize("lines", [0, 1, 40])
def test_cached_orders_take_at_most_the_given_memory(file: sqlite3.Connection, lines: int) -> None:
    orders = StoredOrders(file, LIMIT)
    size = memory_of_order(build_order(0, lines).aggregate.order)
    ids = [f"order-{number}" for number in range(200)]
    for number, order_id in enumerate(ids):
        orders.cache({order_id: build_order(number, lines)})
        cached = orders.load(ids)
        assert memory_of(cached) <= LIMIT
        assert list(cached) == ids[number + 1 - len(cached) : number + 1]  # the newest ones
    assert memory_of(cached) > LIMIT - 2 * size


def test_order_that_grows_evicts_others(file: sqlite3.Connection) -> None:
    orders = StoredOrders(file, LIMIT)
    for lines in range(1, 2_000, 100):
        orders.cache({"order-1": build_order(1, lines), "order-2": build_order(2, 1)})
        assert memory_of(orders.load(["order-1", "order-2"])) <= LIMIT
    assert list(orders.load(["order-1", "order-2"])) == ["order-2"]


def test_order_that_takes_more_than_all_memory_is_not_cached(file: sqlite3.Connection) -> None:
    orders = StoredOrders(file, LIMIT)
    orders.cache({"order-1": build_order(1, 5_000)})
    assert orders.load(["order-1"]) == {}
    orders.cache({"order-2": build_order(2, 1)})
    assert list(orders.load(["order-1", "order-2"])) == ["order-2"]


def test_without_memory_every_order_is_read_from_the_file(file: sqlite3.Connection) -> None:
    orders = StoredOrders(file, 0)
    orders.cache({"order-1": build_order(1, 1)})
    assert orders.load(["order-1"]) == {}
