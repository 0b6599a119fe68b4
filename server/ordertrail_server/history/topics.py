"""Topics: the part of all events that can concern a tail, coarser than its filter, and quick to tell."""

from json import dumps, loads
from typing import NamedTuple

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import OFFSET_BITS, Offsets

MANY = 5_000
"""After an advance by more records than this all tails look: quicker than to tell whom it concerns."""


class Topic(NamedTuple):
    """The events of one order, of one customer, or that name one product; `ALL` is every event."""

    kind: str
    name: str


ALL = Topic("log", "")

# An order that is parked concerns its tails too, as they must say so.
_ORDERS = (
    "SELECT json_group_array(order_id) FROM"
    " (SELECT order_id FROM events WHERE position >= ?1 AND position < ?2"
    " UNION SELECT order_id FROM parked WHERE position >= ?1 AND position < ?2"
    " UNION SELECT order_id FROM not_facts WHERE position >= ?1 AND position < ?2)"
)
_CUSTOMERS = "SELECT json_group_array(DISTINCT customer_id) FROM events WHERE position >= ? AND position < ?"
# There is no index from an event to its products, so each product that is waited for is looked up.
_PRODUCTS = (
    "SELECT json_group_array(value) FROM json_each(?3) WHERE EXISTS (SELECT 1 FROM event_products"
    " WHERE product_id = value AND position >= ?1 AND position < ?2)"
)


def topic_of(asked: EventFilter) -> Topic:
    """Return the narrowest topic that holds all that is asked for."""
    if asked.order_id:
        return Topic("order", asked.order_id)
    if asked.customer_id:
        return Topic("customer", asked.customer_id)
    return Topic("product", asked.product_id) if asked.product_id else ALL


def touched_since(
    model: ReadModel, since: Offsets, topics: set[Topic], connection: Connection
) -> tuple[Offsets, set[Topic]]:
    """Return how far the read model is, and which topics (of those given, at least) got events since `since`."""
    projected = model.positions(connection)
    if sum(projected) - sum(since) > MANY:
        return projected, {ALL}
    touched: set[Topic] = set()
    for partition, (begin, end) in enumerate(zip(since, projected, strict=True)):
        if begin < end:
            base = partition << OFFSET_BITS
            touched |= _touched(connection, base | begin, base | end, topics)
    return projected, touched


def _touched(connection: Connection, low: int, high: int, topics: set[Topic]) -> set[Topic]:
    products = dumps([name for kind, name in topics if kind == "product"])
    asked = {"order": (_ORDERS, ()), "customer": (_CUSTOMERS, ()), "product": (_PRODUCTS, (products,))}
    return {
        Topic(kind, name)
        for kind in {topic.kind for topic in topics} & asked.keys()
        for name in loads(connection.execute(asked[kind][0], (low, high, *asked[kind][1])).fetchone()[0])
    }
