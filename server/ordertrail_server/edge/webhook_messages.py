"""Webhooks as messages of the contract, and back."""

from asyncio import get_running_loop
from collections.abc import Collection
from time import time_ns

from google.protobuf.duration_pb2 import Duration

from ordertrail.v1.webhook_pb2 import (
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookSecret,
    WebhookState as StateMessage,
)
from ordertrail_server.orders.times import moment
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.webhook_changes import Attempted, SecretAdded, WebhookSet
from ordertrail_server.subscriptions.webhook_state import LoggedDelivery, WebhookState
from ordertrail_server.webhooks.circuit_breaker import Circuit
from ordertrail_server.webhooks.delivery_log import DeliveryState, state_of
from ordertrail_server.webhooks.webhook_config import MAX_IN_FLIGHT, TIMEOUT_S
from ordertrail_server.webhooks.worker import Worker

CIRCUITS = {
    Circuit.CLOSED: StateMessage.WEBHOOK_STATE_ACTIVE,
    Circuit.OPEN: StateMessage.WEBHOOK_STATE_CIRCUIT_OPEN,
    Circuit.HALF_OPEN: StateMessage.WEBHOOK_STATE_CIRCUIT_HALF_OPEN,
}
DELIVERY_STATES = {
    DeliveryState.PENDING: WebhookDeliveryState.WEBHOOK_DELIVERY_STATE_PENDING,
    DeliveryState.DELIVERED: WebhookDeliveryState.WEBHOOK_DELIVERY_STATE_DELIVERED,
    DeliveryState.PARKED: WebhookDeliveryState.WEBHOOK_DELIVERY_STATE_PARKED,
    DeliveryState.SKIPPED: WebhookDeliveryState.WEBHOOK_DELIVERY_STATE_SKIPPED,
}


def config_from(message: Webhook) -> WebhookSet:
    """Return the configuration of a message, with defaults for what it lacks."""
    seconds = message.timeout.ToNanoseconds() / 1e9
    in_flight = message.max_in_flight or MAX_IN_FLIGHT
    return WebhookSet(message.url, seconds or TIMEOUT_S, in_flight, message.sign_with_ed25519)


def changed_config(present: WebhookSet, message: Webhook, paths: Collection[str]) -> WebhookSet:
    """Return a configuration with the fields of a message that an update mask names."""
    requested = config_from(message)
    if "webhook.url" in paths:
        present = present._replace(url=requested.url)
    if "webhook.timeout" in paths:
        present = present._replace(timeout_s=requested.timeout_s)
    if "webhook.max_in_flight" in paths:
        present = present._replace(max_in_flight=requested.max_in_flight)
    return present


def webhook_message(webhook: WebhookState, worker: Worker | None) -> Webhook:
    """Return a webhook as a message, without the values of its secrets."""
    config, timeout = webhook.config, Duration()
    timeout.FromNanoseconds(int(config.timeout_s * 1e9))
    message = Webhook(
        url=config.url,
        sign_with_ed25519=config.has_signing_key,
        timeout=timeout,
        max_in_flight=config.max_in_flight,
        secrets=[secret_message(secret) for secret in webhook.secrets.values()],
        state=StateMessage.WEBHOOK_STATE_ACTIVE,
        last_error=webhook.disable_reason,
    )
    if webhook.disable_reason:
        message.state = StateMessage.WEBHOOK_STATE_DISABLED
    elif worker is not None:
        _describe_circuit(message, worker)
    return message


def secret_message(secret: SecretAdded) -> WebhookSecret:
    """Return a secret as a message, without its value."""
    return WebhookSecret(id=secret.secret_id, create_time=moment(secret.time), ed25519_public_key=secret.public_key)


def delivery_message(running: RunningSubscription, delivery: LoggedDelivery) -> WebhookDelivery:
    """Return a delivery as a message."""
    prepared = delivery.prepared
    return WebhookDelivery(
        delivery_id=running.delivery_ids.write(prepared.position),
        order_id=prepared.order_id,
        event_type=prepared.event_type,
        create_time=moment(prepared.time),
        state=DELIVERY_STATES[state_of(delivery, running.state)],
        attempts=map(attempt_message, delivery.attempts),
    )


def attempt_message(attempt: Attempted) -> WebhookAttempt:
    """Return an attempt as a message."""
    duration = Duration()
    duration.FromMilliseconds(attempt.duration_ms)
    return WebhookAttempt(
        number=attempt.attempt,
        time=moment(attempt.time),
        duration=duration,
        status=attempt.status,
        error=attempt.error,
        response=attempt.response,
    )


def _describe_circuit(message: Webhook, worker: Worker) -> None:
    breaker = worker.control.breaker
    message.state, message.last_error = CIRCUITS[breaker.circuit], worker.last_error
    if breaker.circuit == Circuit.OPEN:
        pause_s = max(0.0, breaker.retry_at - get_running_loop().time())
        message.next_attempt_time.CopyFrom(moment(time_ns() + int(pause_s * 1e9)))
