"""Random lives of orders as records of a log, and the totals of their products, counted event by event."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from hypothesis import strategies as st
from tests.log.memory import MemoryLog
from tests.projections.log_builder import LogBuilder

from ordertrail.v1.order_events_pb2 import (
    OrderCancelled,
    OrderConfirmed,
    OrderedLine,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderPlaced,
    OrderReturned,
    OrderShipped,
    ShippedLine,
)

PARTITIONS = 2
NOON, HOUR = 1_750_000_000, 3_600
PRODUCTS = ["apple", "pear", "plum"]
KINDS = ["add", "change", "remove", "confirm", "ship", "cancel", "return"]


class Step(NamedTuple):
    """One event of an order, some hours after the previous step; a step that its order cannot take is skipped."""

    order_id: str
    kind: str
    product_id: str
    quantity: int
    hours: int


steps = st.lists(
    st.builds(
        Step,
        st.sampled_from([f"order-{number}" for number in range(4)]),
        st.sampled_from(KINDS),
        st.sampled_from(PRODUCTS),
        st.integers(1, 9),
        st.integers(-2, 20),
    ),
    max_size=40,
)


class CountedLog:
    """Records steps, and counts for each product and day what docs/projections.md says about each event."""

    def __init__(self) -> None:
        self.builder = LogBuilder(PARTITIONS)
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._lines: dict[str, dict[str, list[int]]] = {}
        self._closed: set[str] = set()
        self._times: dict[str, int] = {}
        self._now = NOON

    def take(self, step: Step) -> None:
        if step.order_id in self._closed:
            return
        self._now += step.hours * HOUR
        if step.order_id not in self._lines:
            self.place(step)
        else:
            getattr(self, f"{step.kind}_")(step, self._lines[step.order_id])

    def place(self, step: Step) -> None:
        self._lines[step.order_id] = {step.product_id: [step.quantity, 0]}
        self._record(step, OrderPlaced(lines=[OrderedLine(product_id=step.product_id, quantity=step.quantity)]))
        self._count(step, step.product_id, "ordered", step.quantity)

    def add_(self, step: Step, lines: dict[str, list[int]]) -> None:
        if step.product_id in lines:
            return
        lines[step.product_id] = [step.quantity, 0]
        self._record(step, OrderLineAdded(line=OrderedLine(product_id=step.product_id, quantity=step.quantity)))
        self._count(step, step.product_id, "ordered", step.quantity)

    def change_(self, step: Step, lines: dict[str, list[int]]) -> None:
        if step.product_id not in lines:
            return
        difference = step.quantity - lines[step.product_id][0]
        lines[step.product_id][0] = step.quantity
        self._record(step, OrderLineQuantityChanged(product_id=step.product_id, quantity=step.quantity))
        if difference:
            self._count(step, step.product_id, "ordered", difference)

    def remove_(self, step: Step, lines: dict[str, list[int]]) -> None:
        if step.product_id not in lines or lines[step.product_id][1]:
            return
        self._record(step, OrderLineRemoved(product_id=step.product_id))
        self._count(step, step.product_id, "ordered", -lines.pop(step.product_id)[0])

    def confirm_(self, step: Step, lines: dict[str, list[int]]) -> None:
        self._record(step, OrderConfirmed())

    def ship_(self, step: Step, lines: dict[str, list[int]]) -> None:
        if step.product_id not in lines:
            return
        lines[step.product_id][1] += step.quantity
        shipped = [ShippedLine(product_id=step.product_id, quantity=step.quantity)]
        self._record(step, OrderShipped(lines=shipped))
        self._count(step, step.product_id, "shipped", step.quantity)

    def cancel_(self, step: Step, lines: dict[str, list[int]]) -> None:
        self._closed.add(step.order_id)
        self._record(step, OrderCancelled())
        for product_id, (quantity, shipped) in lines.items():
            if quantity != shipped:
                self._count(step, product_id, "ordered", shipped - quantity)

    def return_(self, step: Step, lines: dict[str, list[int]]) -> None:
        self._closed.add(step.order_id)
        self._record(step, OrderReturned())
        for product_id, (_, shipped) in lines.items():
            if shipped:
                self._count(step, product_id, "returned", shipped)

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """The rows that the projection must have."""
        keys = sorted({(product_id, day) for product_id, day, _ in self.counts})
        columns = ("ordered", "shipped", "returned")
        return [(*key, *(self.counts[*key, column] for column in columns)) for key in keys]

    def _record(self, step: Step, event: object) -> None:
        self._times[step.order_id] = max(self._now, self._times.get(step.order_id, self._now))
        self.builder.add_fact(step.order_id, event, self._now)

    def _count(self, step: Step, product_id: str, column: str, quantity: int) -> None:
        # Within an order time never goes back.
        day = datetime.fromtimestamp(self._times[step.order_id], UTC).date().isoformat()
        self.counts[product_id, day, column] += quantity


async def count_log(life_steps: Sequence[Step]) -> tuple[CountedLog, MemoryLog]:
    """Return the counts of steps, and the log of their records."""
    counted, log = CountedLog(), MemoryLog(partitions=PARTITIONS)
    for step in life_steps:
        counted.take(step)
    for partition, entries in enumerate(counted.builder.records):
        await log.append(partition, entries)
    return counted, log
