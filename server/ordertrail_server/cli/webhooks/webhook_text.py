"""Webhooks, secrets and deliveries as text."""

from typing import TYPE_CHECKING

from ordertrail_server.cli.value_text import time_text

if TYPE_CHECKING:
    from ordertrail.v1.subscription_service_pb2 import Subscription
    from ordertrail.v1.webhook_pb2 import WebhookAttempt, WebhookDelivery, WebhookSecret

WEBHOOK_HEADINGS = ("Name", "URL", "State", "Last error", "Next attempt")
SECRET_HEADINGS = ("Secret", "Created", "Public key of Ed25519")
DELIVERY_HEADINGS = ("Created", "Delivery", "Order", "Type", "State", "Attempts", "Last attempt")


def webhook_row(subscription: "Subscription") -> tuple[str, ...]:
    """Return the cells of a webhook, under WEBHOOK_HEADINGS."""
    from ordertrail.v1.webhook_pb2 import WebhookState

    webhook = subscription.webhook
    state = WebhookState.Name(webhook.state).removeprefix("WEBHOOK_STATE_").replace("_", " ").lower()
    next_attempt = time_text(webhook.next_attempt_time) if webhook.HasField("next_attempt_time") else ""
    return subscription.name, webhook.url, state, webhook.last_error, next_attempt


def secret_row(secret: "WebhookSecret") -> tuple[str, ...]:
    """Return the cells of a secret, under SECRET_HEADINGS."""
    return secret.id, time_text(secret.create_time), secret.ed25519_public_key


def delivery_row(delivery: "WebhookDelivery") -> tuple[str, ...]:
    """Return the cells of a delivery, under DELIVERY_HEADINGS."""
    from ordertrail.v1.webhook_pb2 import WebhookDeliveryState

    state = WebhookDeliveryState.Name(delivery.state).removeprefix("WEBHOOK_DELIVERY_STATE_").lower()
    count = str(max((attempt.number for attempt in delivery.attempts), default=0))
    last = attempt_text(delivery.attempts[-1]) if delivery.attempts else ""
    created, kind = time_text(delivery.create_time), delivery.event_type.rpartition(".")[2]
    return created, delivery.delivery_id, delivery.order_id, kind, state, count, last


def attempt_text(attempt: "WebhookAttempt") -> str:
    """Return what became of an attempt."""
    return attempt.error or f"status {attempt.status}"
