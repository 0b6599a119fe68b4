"""The delivery log of a webhook: the state of each delivery, and which of them can be posted again."""

from enum import Enum

from ordertrail.v1.error_reason_pb2 import (
    ERROR_REASON_WEBHOOK_DELIVERY_NOT_FINISHED,
    ERROR_REASON_WEBHOOK_DELIVERY_NOT_FOUND,
)
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.changes import Cause
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.webhook_changes import Prepared
from ordertrail_server.subscriptions.webhook_state import LoggedDelivery, WebhookState


class DeliveryState(Enum):
    """What became of a delivery."""

    PENDING = "pending"
    """It will be attempted, or is."""

    DELIVERED = "delivered"
    """The receiver has accepted it."""

    PARKED = "parked"
    """It failed too often, and its order is parked in the subscription."""

    SKIPPED = "skipped"
    """It was parked, and an operator has skipped it."""


def state_of(delivery: LoggedDelivery, subscription: SubscriptionState) -> DeliveryState:
    """Return the state of a delivery."""
    if delivery.is_finished:
        is_accepted = any(attempt.is_success for attempt in delivery.attempts)
        return DeliveryState.DELIVERED if is_accepted else DeliveryState.SKIPPED
    order = subscription.orders.get(delivery.prepared.order_id)
    backlog = None if order is None else order.backlog
    is_parked = backlog is not None and backlog.cause == Cause.PARKED and backlog.position == delivery.prepared.position
    return DeliveryState.PARKED if is_parked else DeliveryState.PENDING


def has_failed(delivery: LoggedDelivery) -> bool:
    """Return whether the last attempt of a delivery failed."""
    return bool(delivery.attempts) and not delivery.attempts[-1].is_success


def find_redeliverable(running: RunningSubscription, webhook: WebhookState, delivery_id: str) -> Prepared:
    """Return the body of a finished delivery. Raises Refused if there is none."""
    position = running.delivery_ids.read(delivery_id)
    delivery = None if position is None else webhook.find(position)
    if delivery is None:
        message = f"The delivery log of webhook {running.definition.name} does not hold {delivery_id[:128]}."
        raise Refused(Refusal(ERROR_REASON_WEBHOOK_DELIVERY_NOT_FOUND, message, where="delivery_id"))
    if not delivery.is_finished:
        message = f"Delivery {delivery_id} is not finished: it is attempted again by itself, or its order is parked."
        raise Refused(Refusal(ERROR_REASON_WEBHOOK_DELIVERY_NOT_FINISHED, message))
    return delivery.prepared
