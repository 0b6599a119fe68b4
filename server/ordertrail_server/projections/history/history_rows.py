"""The rows of the projection `history`: facts as rows of events and orders. This module decides nothing."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.days import encode_day
from ordertrail_server.orders.products import products_named
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.batch import AppliedFact, Batch
from ordertrail_server.schema.ready_event import ready_event
from ordertrail_server.schema.wire import first_field

EVENT_TYPE = {case.name: case.number for case in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields}

# position, order id, version, customer, type, record time, frame: a row of `events`.
# A plain tuple, because a NamedTuple would cost as much as the insert of a column.
EventRow = tuple[int, str, int, str | None, int, int, bytes]


class ChangedOrder(NamedTuple):
    """An order before (None: it did not exist) and after a batch."""

    before: Order | None
    after: Order


def event_rows(batch: Batch) -> list[EventRow]:
    """Return the rows of `events`."""
    return [_event_row(batch, fact) for fact in batch.facts]


def event_product_rows(batch: Batch) -> list[tuple[str, int]]:
    """Return the rows of `event_products`."""
    return [
        (product_id, batch.position_of(fact.logged.offset))
        for fact in batch.facts
        for product_id in products_named(fact.event)
    ]


def changed_orders(batch: Batch) -> dict[str, ChangedOrder]:
    """Return the orders that the facts of a batch change."""
    changed: dict[str, ChangedOrder] = {}
    for fact in batch.facts:
        assert fact.order is not None  # the projection uses orders
        order_id = fact.event.order_id
        before = changed[order_id].before if order_id in changed else fact.before
        changed[order_id] = ChangedOrder(before, fact.order)
    return changed


def new_order_row(order: Order) -> tuple[object, ...]:
    """Return the row of `orders` for an order that was placed in this batch."""
    source = order.source
    return (
        order.order_id,
        order.version,
        customer_of(order),
        order.status,
        source.reference if source.HasField("reference") else None,
        _delivery_date(order),
        nanoseconds(order.create_time),
        order.SerializeToString(deterministic=True),
    )


def changed_order_row(order: Order) -> tuple[object, ...]:
    """Return what can change in a row of `orders`: version, status, delivery date, state; then the order id."""
    state = order.SerializeToString(deterministic=True)
    return order.version, order.status, _delivery_date(order), state, order.order_id


def order_product_changes(
    changed: Mapping[str, ChangedOrder],
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the rows of `order_products` to remove and to add."""
    removed: list[tuple[str, str]] = []
    added: list[tuple[str, str]] = []
    for order_id, (before, after) in changed.items():
        had, has = _products(before), _products(after)
        if had != has:
            removed += _pairs(had - has, order_id)
            added += _pairs(has - had, order_id)
    return removed, added


def customer_of(order: Order) -> str | None:
    """Return the customer of an order, None if its source named none."""
    return order.customer_id if order.HasField("customer_id") else None


def _event_row(batch: Batch, fact: AppliedFact) -> EventRow:
    offset, value, digest, event, order = (
        fact.logged.offset,
        fact.logged.value,
        fact.logged.digest,
        fact.event,
        fact.order,
    )
    assert order is not None  # the projection uses orders
    time, own = order.update_time, event.record_time
    # Within an order time never goes back, so the stored event has the time of the fold instead of the record's.
    override = None if time.seconds == own.seconds and time.nanos == own.nanos else time
    ready = ready_event(fact.reading, value, batch.topic, batch.partition, offset, digest, override)
    kind = EVENT_TYPE[event.WhichOneof("event") or ""]
    frame = first_field(ready)
    position = batch.position_of(offset)
    return position, event.order_id, event.order_version, customer_of(order), kind, nanoseconds(time), frame


def _delivery_date(order: Order) -> int | None:
    return encode_day(order.expected_delivery_date) if order.HasField("expected_delivery_date") else None


def _products(order: Order | None) -> set[str]:
    return {line.product_id for line in order.lines} if order else set()


def _pairs(products: Iterable[str], order_id: str) -> list[tuple[str, str]]:
    return [(product_id, order_id) for product_id in products]
