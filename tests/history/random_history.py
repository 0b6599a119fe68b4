"""Random histories and filters, for properties."""

from hypothesis import strategies as st
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    build_confirmed,
    build_line_added,
    build_line_removed,
    build_placed,
    build_quantity_changed,
)

from ordertrail_server.schema.registry import Event

PRODUCTS = ["p0", "p1", "p2", "p3"]
CUSTOMERS = ["", "c0", "c1"]
ORDERS = 6

Step = tuple[int, int, str, str, int]

steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.integers(0, ORDERS - 1),
        st.integers(0, 3),
        st.sampled_from(PRODUCTS),
        st.sampled_from(CUSTOMERS),
        st.integers(0, 20),
    ),
    max_size=40,
)


def record_history(server: HistoryServer, history: list[Step]) -> None:
    """Record a history; times are not in order."""
    for number, (order, verb, product, customer, second) in enumerate(history):
        event = _event(server, f"order-{order}", verb, product, customer, number)
        server.record(f"order-{order}", event, NOON + second * SECOND)


def _event(server: HistoryServer, order_id: str, verb: int, product: str, customer: str, number: int) -> Event:
    order = server.aggregate(order_id).order
    if order is None:
        return build_placed(
            product, PRODUCTS[0] + "-also", customer=customer, reference=str(number % 3) if verb else ""
        )
    on_order = [line.product_id for line in order.lines]
    if product not in on_order:
        return build_line_added(product)
    if verb == 1 and len(on_order) > 1:
        return build_line_removed(product)
    return build_confirmed() if verb == 2 else build_quantity_changed(product, number + 1)
