"""Refuses reads of parked orders, because their state lacks facts that the log holds."""

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_PARKED
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.scope_condition import scope_condition, scope_values
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.storage.packed_id import pack_sql


def parked_reason(connection: Connection, order_id: str) -> str | None:
    """Return why an order is parked, from the projection `history`; None if it is not."""
    row = connection.execute("SELECT reason FROM parked_orders WHERE order_id = ?", (order_id,)).fetchone()
    return row[0] if row else None


def parked_at(connection: Connection, order_id: str) -> int | None:
    """Return the position of the record that parked an order, from `history`; None if it is not parked."""
    row = connection.execute("SELECT position FROM parked_orders WHERE order_id = ?", (order_id,)).fetchone()
    return row[0] if row else None


def is_visible(connection: Connection, event_filter: EventFilter) -> bool:
    """Return whether the filter's scope includes the filter's order. The customer of an unread order is not known."""
    scope = event_filter.scope
    if scope.is_unbounded:
        return True
    statement = (
        f"SELECT 1 FROM events WHERE order_key = {pack_sql(':order_id')} AND version = 1"
        f" AND {scope_condition(scope, '+customer_id')}"
    )
    values = {"order_id": event_filter.order_id, **scope_values(scope)}
    return connection.execute(statement, values).fetchone() is not None


def refuse_parked(order_id: str, reason: str | None) -> None:
    """Raise Refused if there is a reason."""
    if reason is not None:
        message = f"Order {order_id} is parked: {reason}."
        raise Refused(Refusal(ERROR_REASON_ORDER_PARKED, message, order_id=order_id))
