"""The orders kept in memory are those used last, and are bounded by their bytes."""

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.commands.hot_orders import HotOrders, memory_of
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate


def an_order(bytes_of_customer: int = 10) -> Aggregate:
    return NO_ORDER._replace(order=Order(order_id="order", customer_id="c" * bytes_of_customer), version=1)


def test_least_recently_used_order_is_evicted() -> None:
    hot = HotOrders(limit=2 * memory_of(an_order()))
    hot.put("1", an_order())
    hot.put("2", an_order())
    assert hot.get("1") is not None
    hot.put("3", an_order())
    assert [order_id for order_id in "123" if hot.get(order_id)] == ["1", "3"]


def test_large_order_evicts_many_small_ones() -> None:
    large = an_order(bytes_of_customer=10_000)
    hot = HotOrders(limit=memory_of(large))
    for number in range(20):
        hot.put(str(number), an_order())
    hot.put("large", large)
    assert [order_id for order_id in (*map(str, range(20)), "large") if hot.get(order_id)] == ["large"]


def test_new_state_of_an_order_replaces_the_size_of_the_old_one() -> None:
    hot = HotOrders(limit=2 * memory_of(an_order()))
    hot.put("other", an_order())
    for _ in range(100):
        hot.put("1", an_order())
    assert hot.get("other") is not None


def test_order_that_was_put_last_is_always_cached() -> None:
    hot = HotOrders(limit=0)
    hot.put("1", an_order())
    hot.put("2", an_order())
    assert (hot.get("1"), hot.get("2")) == (None, an_order())
