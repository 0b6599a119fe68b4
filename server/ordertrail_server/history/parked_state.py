"""Refuses reads of parked orders, because their state lacks facts that the log holds."""

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_PARKED
from ordertrail_server.history.read_model import Connection
from ordertrail_server.orders.refusal import Refusal, Refused


def parked_reason(connection: Connection, order_id: str) -> str | None:
    """Return why an order is parked, from the projection `history`; None if it is not."""
    row = connection.execute("SELECT reason FROM parked_orders WHERE order_id = ?", (order_id,)).fetchone()
    return row[0] if row else None


def parked_at(connection: Connection, order_id: str) -> int | None:
    """Return the position of the record that parked an order, from `history`; None if it is not parked."""
    row = connection.execute("SELECT position FROM parked_orders WHERE order_id = ?", (order_id,)).fetchone()
    return row[0] if row else None


def refuse_parked(order_id: str, reason: str | None) -> None:
    """Raise Refused if there is a reason."""
    if reason is not None:
        message = f"Order {order_id} is parked: {reason}."
        raise Refused(Refusal(ERROR_REASON_ORDER_PARKED, message, order_id=order_id))
