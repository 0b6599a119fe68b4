"""Topics: the part of all events that can concern a tail, coarser than its filter, and quick to tell."""

from collections.abc import Collection, Sequence
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

_TOUCHED = {
    # An order that is parked concerns its tails too, as they must say so. Tails of a customer or a product name it with
    # their next frame, for which a sign of life is soon enough: in a roll-out each fact that waits would wake them all.
    "order": (
        "SELECT json_group_array(order_id) FROM"
        " (SELECT order_id FROM events WHERE position >= ?1 AND position < ?2"
        " UNION SELECT order_id FROM parked WHERE position >= ?1 AND position < ?2"
        " UNION SELECT order_id FROM not_facts WHERE position >= ?1 AND position < ?2)"
    ),
    "customer": "SELECT json_group_array(DISTINCT customer_id) FROM events WHERE position >= ?1 AND position < ?2",
    # There is no index from an event to its products, so each product that is waited for is looked up.
    "product": (
        "SELECT json_group_array(value) FROM json_each(?3) WHERE EXISTS (SELECT 1 FROM event_products"
        " WHERE product_id = value AND position >= ?1 AND position < ?2)"
    ),
}


def topic_of(event_filter: EventFilter) -> Topic:
    """Return the narrowest topic that holds all that is asked for."""
    if event_filter.order_id:
        return Topic("order", event_filter.order_id)
    if event_filter.customer_id:
        return Topic("customer", event_filter.customer_id)
    return Topic("product", event_filter.product_id) if event_filter.product_id else ALL


def touched_since(
    model: ReadModel, since: Offsets, kinds: Collection[str], products: Sequence[str], connection: Connection
) -> tuple[Offsets, set[Topic]]:
    """Return how far the read model is, and the topics that got events since `since`.

    Of the kinds given only, and of products only those given.
    """
    projected = model.positions(connection)
    if sum(projected) - sum(since) > MANY:
        return projected, {ALL}
    touched: set[Topic] = set()
    for partition, (begin, end) in enumerate(zip(since, projected, strict=True)):
        if begin < end:
            base = partition << OFFSET_BITS
            values = (base | begin, base | end, dumps(products))
            for kind in _TOUCHED.keys() & kinds:
                bound = values[: 3 if kind == "product" else 2]
                names = loads(connection.execute(_TOUCHED[kind], bound).fetchone()[0])
                touched.update(Topic(kind, name) for name in names)
    return projected, touched
