"""Subjects: the order, customer or product that a stream subscribes to. Coarser than its filter, but quick to query."""

from collections.abc import Collection, Sequence
from json import dumps, loads
from typing import NamedTuple

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.position import first_packed

MANY = 5_000
"""After an advance by more records than this every stream is woken, which is quicker than finding the subjects."""


class Subject(NamedTuple):
    """The events of one order, of one customer, or that name one product; `ALL` is every event."""

    kind: str
    name: str


ALL = Subject("log", "")

_CHANGED = {
    # A stream of one order must also report that the order was parked. Streams of a customer or a product name a parked
    # order with their next frame; a heartbeat is soon enough, and in a roll-out each waiting fact would wake them all.
    "order": (
        "SELECT json_group_array(order_id) FROM"
        " (SELECT order_id FROM events WHERE position >= ?1 AND position < ?2"
        " UNION SELECT order_id FROM ordertrail_waiting WHERE position >= ?1 AND position < ?2"
        " UNION SELECT order_id FROM parked_orders WHERE position >= ?1 AND position < ?2)"
    ),
    "customer": "SELECT json_group_array(DISTINCT customer_id) FROM events WHERE position >= ?1 AND position < ?2",
    # There is no index from an event to its products, so each subscribed product is looked up.
    "product": (
        "SELECT json_group_array(value) FROM json_each(?3) WHERE EXISTS (SELECT 1 FROM event_products"
        " WHERE product_id = value AND position >= ?1 AND position < ?2)"
    ),
}


def subject_of(event_filter: EventFilter) -> Subject:
    """Return the narrowest subject that covers the filter."""
    if event_filter.order_id:
        return Subject("order", event_filter.order_id)
    if event_filter.visible_customer:
        return Subject("customer", event_filter.visible_customer)
    return Subject("product", event_filter.product_id) if event_filter.product_id else ALL


def find_changed_subjects(
    model: ReadModel, since: Offsets, kinds: Collection[str], products: Sequence[str], connection: Connection
) -> tuple[Offsets, set[Subject]]:
    """Return the read model's offsets, and the subjects of the events from `since` up to them.

    Only subjects of the given kinds, and only the given products, are returned.
    """
    projected = model.positions(connection)
    if sum(projected) - sum(since) > MANY:
        return projected, {ALL}
    changed: set[Subject] = set()
    for partition, (begin, end) in enumerate(zip(since, projected, strict=True)):
        if begin < end:
            base = first_packed(partition)
            values = (base | begin, base | end, dumps(products))
            for kind in _CHANGED.keys() & kinds:
                bound = values[: 3 if kind == "product" else 2]
                names = loads(connection.execute(_CHANGED[kind], bound).fetchone()[0])
                changed.update(Subject(kind, name) for name in names)
    return projected, changed
