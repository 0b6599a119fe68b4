"""The rows of the tables `placed_orders` and `order_changes`."""

from typing import Any

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.projections.batch import AppliedFact
from ordertrail_server.projections.timeline.column_text import (
    EVENT_TYPES,
    amount_text,
    delivery_date_text,
    shipped_total,
    status_text,
)

# Plain tuples, because a NamedTuple would cost as much as the insert of a column.
Row = tuple[Any, ...]


def order_row(fact: AppliedFact, order: Order, order_no: int, time: str) -> Row:
    """Return the row of `placed_orders` of an order's first fact; `time` is that of the fact."""
    reference = order.source.reference if order.HasField("source") and order.source.HasField("reference") else None
    return order_no, order.order_id, fact.customer_id, reference, time


def change_row(fact: AppliedFact, order: Order, order_no: int, time: str) -> Row:
    """Return the row of `order_changes` of a fact; `order` is the order after it, and `time` that of the fact."""
    event, version, amount, currency = fact.reading.event, order.version, None, None
    if order.HasField("total_amount"):
        total = order.total_amount
        amount, currency = amount_text(total.units, total.nanos), total.currency_code
    return (
        order_no,
        version,
        fact.logged.offset,
        time,
        status_text(order.status),
        amount,
        currency,
        order.total_quantity,
        shipped_total(order) if version > 1 else 0,
        delivery_date_text(order),
        EVENT_TYPES[event.WhichOneof("event") or ""],
        event.actor or None,
        event.cause.request_id or None,
    )
