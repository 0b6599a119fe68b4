"""Random lives of orders with values that no command accepts, but another producer may record."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st
from tests.log.memory import MemoryLog
from tests.projections.log_builder import LogBuilder, create_log

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import (
    OrderCancelled,
    OrderConfirmed,
    OrderDeliveryRescheduled,
    OrderedLine,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderPlaced,
    OrderShipped,
    OrderSource,
    ShippedLine,
)

PARTITIONS = 2
NOON = 1_750_000_000
ORDER_IDS = ["order-0", "order-1", "order-2", "an id\0with NUL"]

products = st.sampled_from(["apple", "pear", "a\0b", ""])
quantities = st.integers(-1, 9) | st.sampled_from([2**40, 2**63 - 1, -(2**63)])
amounts = st.integers(0, 30) | st.sampled_from([-7, 10**12, 2**63 - 1])
nanos = st.sampled_from([0, 0, 500_000_000, 1, 2**31 - 1, -1])
prices = st.none() | st.builds(Money, currency_code=st.sampled_from(["EUR", "XXX", ""]), units=amounts, nanos=nanos)
days = st.builds(
    Date, year=st.sampled_from([2026, 0, -5, 12_345]), month=st.integers(-1, 14), day=st.sampled_from([1, 30, 32])
)
ordered_lines = st.builds(OrderedLine, product_id=products, quantity=quantities, unit_price=prices)
shipped_lines = st.builds(ShippedLine, product_id=products, quantity=quantities)
sources = st.builds(OrderSource, reference=st.none() | st.sampled_from(["17", ""]))
placed = st.builds(
    OrderPlaced,
    customer_id=st.none() | st.sampled_from(["shop-1", "", "a\0b"]),
    lines=st.lists(ordered_lines, max_size=4),
    expected_delivery_date=st.none() | days,
    source=st.none() | sources,
)
changes = st.one_of(
    st.builds(OrderLineAdded, line=ordered_lines),
    st.builds(OrderLineQuantityChanged, product_id=products, quantity=quantities),
    st.builds(OrderLineRemoved, product_id=products),
    st.builds(OrderShipped, lines=st.lists(shipped_lines, max_size=3)),
    st.builds(OrderDeliveryRescheduled, expected_delivery_date=days),
    st.sampled_from([OrderConfirmed(), OrderCancelled()]),
)


class StrangeFact(NamedTuple):
    """The next fact of an order, `seconds` after 1970. If it cannot be folded, the order is parked."""

    order_id: str
    placed: OrderPlaced
    change: Any
    seconds: int


seconds = st.integers(NOON, NOON + 9) | st.sampled_from([0, -1, 10**10, -(10**11), 2**40])
strange_facts = st.lists(st.builds(StrangeFact, st.sampled_from(ORDER_IDS), placed, changes, seconds), max_size=40)


async def create_strange_log(facts: Sequence[StrangeFact]) -> MemoryLog:
    """Return a log in which each order is placed by its first fact, and changed by each later one."""
    builder = LogBuilder(PARTITIONS)
    for fact in facts:
        event = fact.change if builder.version(fact.order_id) else fact.placed
        builder.add_fact(fact.order_id, event, fact.seconds)
    return await create_log(builder)
