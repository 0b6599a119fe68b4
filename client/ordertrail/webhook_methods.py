"""The client methods for webhooks."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator, Iterable

from google.protobuf.field_mask_pb2 import FieldMask

from ordertrail.subscription_methods import SubscriptionMethods, build_creation, duration_of
from ordertrail.v1.order_events_pb2 import OrderEventType
from ordertrail.v1.subscription_service_pb2 import (
    CreateSubscriptionResponse,
    ListWebhookDeliveriesRequest,
    RedeliverWebhookDeliveryRequest,
    RevokeWebhookSecretRequest,
    RotateWebhookSecretRequest,
    RotateWebhookSecretResponse,
    Subscription,
    SubscriptionFilter,
    UpdateSubscriptionRequest,
)
from ordertrail.v1.webhook_pb2 import Webhook, WebhookAttempt, WebhookDelivery

__all__ = ["WebhookMethods"]

REDELIVERY_SECONDS = 70.0
"""The default deadline of a redelivery. An attempt takes at most 60 seconds."""


class WebhookMethods(SubscriptionMethods):
    """The methods for subscriptions that post their events to a webhook. `timeout` is per call, in seconds."""

    async def create_webhook(
        self,
        name: str,
        url: str,
        *,
        sign_with_ed25519: bool = False,
        attempt_seconds: float = 0.0,
        max_in_flight: int = 0,
        order_id: str = "",
        customer_id: str = "",
        product_id: str = "",
        event_types: Iterable[OrderEventType.ValueType] = (),
        token: str = "",
        now: bool = False,
        max_attempts: int = 0,
        timeout: float | None = None,
    ) -> CreateSubscriptionResponse:
        """Create a subscription with a webhook, and return it with the secret, which is not shown again.

        The secret is empty if an equal one exists already. The other arguments are as for `create_subscription`;
        `attempt_seconds` is the time limit of an attempt. Raises Refused, InvalidRequest.
        """
        webhook = Webhook(url=url, sign_with_ed25519=sign_with_ed25519, max_in_flight=max_in_flight)
        if attempt_seconds:
            webhook.timeout.CopyFrom(duration_of(attempt_seconds))
        conditions = SubscriptionFilter(
            order_id=order_id, customer_id=customer_id, product_id=product_id, event_types=event_types
        )
        subscription = Subscription(name=name, filter=conditions, max_attempts=max_attempts, webhook=webhook)
        request = build_creation(subscription, token, now=now)
        return await self._call(self.subscription_service.CreateSubscription, request, timeout)

    async def update_webhook(
        self,
        name: str,
        *,
        url: str | None = None,
        attempt_seconds: float | None = None,
        max_in_flight: int | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """Change a webhook, and return its subscription. With a URL, even the same, a disabled webhook posts again."""
        webhook = Webhook(url=url or "", max_in_flight=max_in_flight or 0)
        if attempt_seconds is not None:
            webhook.timeout.CopyFrom(duration_of(attempt_seconds))
        values = {
            "webhook.url": url,
            "webhook.timeout": attempt_seconds,
            "webhook.max_in_flight": max_in_flight,
            "max_attempts": max_attempts,
        }
        mask = FieldMask(paths=[path for path, value in values.items() if value is not None])
        subscription = Subscription(name=name, max_attempts=max_attempts or 0, webhook=webhook)
        request = UpdateSubscriptionRequest(subscription=subscription, update_mask=mask)
        response = await self._call(self.subscription_service.UpdateSubscription, request, timeout)
        return response.subscription

    async def rotate_webhook_secret(self, name: str, *, timeout: float | None = None) -> RotateWebhookSecretResponse:
        """Add a secret, and return it with its value. Attempts are signed with all secrets until some are revoked."""
        request = RotateWebhookSecretRequest(subscription=name)
        return await self._call(self.subscription_service.RotateWebhookSecret, request, timeout)

    async def revoke_webhook_secret(self, name: str, secret_id: str, *, timeout: float | None = None) -> None:
        """Remove a secret. Raises Refused if it is the only one, or unknown."""
        request = RevokeWebhookSecretRequest(subscription=name, secret_id=secret_id)
        await self._call(self.subscription_service.RevokeWebhookSecret, request, timeout)

    async def webhook_deliveries(
        self, name: str, *, order_id: str = "", failed: bool = False, page_size: int = 0, timeout: float | None = None
    ) -> AsyncGenerator[WebhookDelivery, None]:
        """Yield the deliveries that a webhook remembers, newest first; `failed` selects those that failed last."""
        request = ListWebhookDeliveriesRequest(subscription=name, order_id=order_id, failed=failed, page_size=page_size)
        async for page in self._pages(self.subscription_service.ListWebhookDeliveries, request, timeout):
            for delivery in page.deliveries:
                yield delivery

    async def redeliver(self, name: str, delivery_id: str, *, timeout: float = REDELIVERY_SECONDS) -> WebhookAttempt:
        """Post a finished delivery once more, and return what became of that. Raises NotFound, Refused."""
        request = RedeliverWebhookDeliveryRequest(subscription=name, delivery_id=delivery_id)
        response = await self._call(self.subscription_service.RedeliverWebhookDelivery, request, timeout)
        return response.attempt
