"""The cache holds the most recently used orders, up to a limit in bytes."""

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.commands.hot_orders import HotOrders
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.orders.order_memory import memory_of_order


def create_order(customer_bytes: int = 10) -> Aggregate:
    return NO_ORDER._replace(order=Order(order_id="order", customer_id="c" * customer_bytes), version=1)


def test_least_recently_used_order_is_evicted() -> None:
    hot = HotOrders(limit=2 * memory_of_order(create_order().order))
    hot.put("1", create_order())
    hot.put("2", create_order())
    assert hot.get("1") is not None
    hot.put("3", create_order())
    assert [order_id for order_id in "123" if hot.get(order_id)] == ["1", "3"]


def test_large_order_evicts_many_small_ones() -> None:
    large = create_order(customer_bytes=10_000)
    hot = HotOrders(limit=memory_of_order(large.order))
    for number in range(20):
        hot.put(str(number), create_order())
    hot.put("large", large)
    assert [order_id for order_id in (*map(str, range(20)), "large") if hot.get(order_id)] == ["large"]


def test_new_state_of_an_order_replaces_the_size_of_the_old_one() -> None:
    hot = HotOrders(limit=2 * memory_of_order(create_order().order))
    hot.put("other", create_order())
    for _ in range(100):
        hot.put("1", create_order())
    assert hot.get("other") is not None


def test_order_that_was_put_last_is_always_cached() -> None:
    hot = HotOrders(limit=0)
    hot.put("1", create_order())
    hot.put("2", create_order())
    assert (hot.get("1"), hot.get("2")) == (None, create_order())
