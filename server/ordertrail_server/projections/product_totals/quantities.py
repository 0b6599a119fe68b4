"""How much an order counts for the totals of its products, and what a fact changes of it."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_RETURNED
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.batch import AppliedFact

MAX_QUANTITY = 1_000_000_000_000
"""A larger quantity of a line counts as this one. No command accepts it, but other producers may record it, and the
sums must fit into 64 bits."""

DAY_NS = 86_400_000_000_000
FIRST_DAY = date(1970, 1, 1).toordinal()


# Ordered, shipped and returned; plain tuples, because a named one costs as much as the rest of a line.
Quantities = tuple[int, int, int]

NOTHING: Quantities = (0, 0, 0)

# Without this, each of these frequent events would count all lines twice.
NEVER_CHANGING = frozenset({"order_confirmed", "order_delivered", "order_delivery_rescheduled"})


def add_quantities(total: Quantities, change: Quantities) -> Quantities:
    """Return the total after a change."""
    return total[0] + change[0], total[1] + change[1], total[2] + change[2]


def count_quantities(order: Order | None) -> dict[str, Quantities]:
    """Return how much an order counts for each of its products.

    What was shipped of a cancelled order stays ordered, the rest does not. All that was shipped of a returned order is
    returned.
    """
    counts: dict[str, Quantities] = {}
    if order is None:
        return counts
    is_cancelled, is_returned = order.status == ORDER_STATUS_CANCELLED, order.status == ORDER_STATUS_RETURNED
    for line in order.lines:
        product_id, shipped = line.product_id, _bounded(line.shipped_quantity)
        ordered = shipped if is_cancelled else _bounded(line.quantity)
        count = ordered, shipped, shipped if is_returned else 0
        # Another producer may have recorded a product on two lines.
        counts[product_id] = add_quantities(counts[product_id], count) if product_id in counts else count
    return counts


def quantity_changes(fact: AppliedFact) -> Iterator[tuple[str, Quantities]]:
    """Yield the products whose quantities a fact changes, with the changes."""
    if fact.event.WhichOneof("event") in NEVER_CHANGING:
        return
    before, after = count_quantities(fact.before), count_quantities(fact.order)
    for product_id in before | after:
        old, new = before.get(product_id, NOTHING), after.get(product_id, NOTHING)
        if old != new:
            yield product_id, (new[0] - old[0], new[1] - old[1], new[2] - old[2])


def day_of(time: Timestamp) -> str:
    """Return the UTC day of a time as ISO 8601, such as 2026-03-15."""
    return _day_text(nanoseconds(time) // DAY_NS)


def _bounded(quantity: int) -> int:
    return max(-MAX_QUANTITY, min(quantity, MAX_QUANTITY))


@lru_cache(maxsize=1_000)
def _day_text(days: int) -> str:
    return date.fromordinal(FIRST_DAY + days).isoformat()
