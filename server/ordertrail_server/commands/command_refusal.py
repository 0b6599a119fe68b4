"""The refusals of commands that do not depend on the order's rules: version, request id, parked order."""

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.access.scope import Scope
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.order_refusal import order_exists, order_not_found
from ordertrail_server.orders.refusal import Refusal


def is_in_scope(scope: Scope, order: Aggregate) -> bool:
    """Return whether a caller with this scope may see an order; with all customers, also an absent one."""
    customer_id = "" if order.order is None else order.order.customer_id
    return scope.is_unbounded or (order.version > 0 and scope.includes(customer_id))


def refuse_hidden(attempt: Attempt, order: Aggregate) -> Refusal | None:
    """Refuse a command on an order that is not in its scope, as if the order did not exist. None if it is.

    Order ids are global, so an id cannot be used again although its order is hidden.
    """
    is_absent = order.version == 0 and not order.parked
    if is_absent or is_in_scope(attempt.scope, order):
        return None
    if isinstance(attempt.command, PlaceOrderRequest | OrderPlaced):
        return order_exists(attempt.order_id)
    return order_not_found(attempt.order_id)


def version_mismatch(attempt: Attempt, order: Aggregate) -> Refusal:
    """Refuse a command that expects another version of the order."""
    return Refusal(
        reasons.ERROR_REASON_VERSION_MISMATCH,
        f"Order {attempt.order_id} has version {order.version}, not {attempt.expected_version} as expected.",
        order_id=attempt.order_id,
        facts={"expected": str(attempt.expected_version), "actual": str(order.version)},
    )


def request_id_reused(order_id: str, request_id: str) -> Refusal:
    """Refuse a command whose request id belongs to another command on the same order."""
    return Refusal(
        reasons.ERROR_REASON_REQUEST_ID_REUSED,
        f"Request id {request_id} was used for another command on order {order_id}.",
        order_id=order_id,
        where="request_id",
    )


def order_parked(attempt: Attempt, order: Aggregate) -> Refusal:
    """Refuse a command on a parked order."""
    return Refusal(
        reasons.ERROR_REASON_ORDER_PARKED,
        f"Order {attempt.order_id} is parked at version {order.version}: {order.parked}.",
        order_id=attempt.order_id,
        facts={"version": str(order.version)},
    )
