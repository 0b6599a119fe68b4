"""The orders of a batch are read with few queries."""

from collections.abc import Sequence

from tests.commands.faulty_log import FaultyLog
from tests.commands.sample_requests import build_place_order, prepare_attempt
from tests.commands.simulation.order_stores import MemoryStore

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.fold import Fold, StoreDamaged
from ordertrail_server.commands.orders_ahead import ORDERS_A_QUERY, OrdersAhead
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate


class QueriedStore(MemoryStore):
    """Records the order ids of each query; queries for several orders fail if it is damaged."""

    def __init__(self, is_damaged: bool = False) -> None:
        super().__init__()
        self.is_damaged, self.queries = is_damaged, list[list[str]]()

    def aggregate(self, order_id: str) -> tuple[Aggregate, int]:
        self.queries.append([order_id])
        return super().aggregate(order_id)

    def aggregates(self, order_ids: Sequence[str]) -> tuple[dict[str, Aggregate], int]:
        if self.is_damaged:
            raise StoreDamaged
        self.queries.append(list(order_ids))
        return super().aggregates(order_ids)


def build_attempts(prefix: str, count: int) -> list[Attempt]:
    return [prepare_attempt(build_place_order(order_id=f"{prefix}-{number}")) for number in range(count)]


def read_orders(orders: OrdersAhead, attempts: Sequence[Attempt]) -> None:
    assert {orders.aggregate(attempt.order_id) for attempt in attempts} == {NO_ORDER}


async def test_expected_orders_are_read_in_groups() -> None:
    store = QueriedStore()
    orders, attempts = OrdersAhead(Fold(FaultyLog(), 0, store)), build_attempts("order", ORDERS_A_QUERY + 1)
    orders.expect(attempts)
    read_orders(orders, attempts)
    assert list(map(len, store.queries)) == [ORDERS_A_QUERY, 1]


async def test_attempts_that_are_no_longer_expected_are_not_read() -> None:
    store = QueriedStore()
    orders, stopped, late = OrdersAhead(Fold(FaultyLog(), 0, store)), build_attempts("a", 100), build_attempts("b", 2)
    orders.expect(stopped)
    read_orders(orders, stopped[:1])
    orders.expect(late)
    read_orders(orders, late)
    assert store.queries[1:] == [["b-0", "b-1"]]


async def test_orders_are_read_one_by_one_if_one_of_them_is_damaged() -> None:
    store = QueriedStore(is_damaged=True)
    orders, attempts = OrdersAhead(Fold(FaultyLog(), 0, store)), build_attempts("order", 3)
    orders.expect(attempts)
    read_orders(orders, attempts)
    assert store.queries == [["order-0"], ["order-1"], ["order-2"]]
