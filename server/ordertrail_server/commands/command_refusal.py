"""The refusals of commands that do not depend on the order's rules: version, request id, parked order."""

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.refusal import Refusal


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
