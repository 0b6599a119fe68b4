"""The rpcs of SubscriptionService that are about webhooks, without gRPC."""

from collections.abc import Iterable

from ordertrail.v1.subscription_service_pb2 import (
    ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse,
    RedeliverWebhookDeliveryRequest,
    RedeliverWebhookDeliveryResponse,
    RevokeWebhookSecretRequest,
    RevokeWebhookSecretResponse,
    RotateWebhookSecretRequest,
    RotateWebhookSecretResponse,
)
from ordertrail.v1.webhook_pb2 import WebhookDelivery
from ordertrail_server.access.scope import Scope
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.edge.subscription_pages import SubscriptionPages
from ordertrail_server.edge.webhook_messages import attempt_message, delivery_message, secret_message
from ordertrail_server.history.freshness import refuse_when_late
from ordertrail_server.history.pages import PAGE_BYTES, page_size
from ordertrail_server.subscriptions.webhook_state import LoggedDelivery
from ordertrail_server.webhooks.webhooks import Webhooks

LATE = "The server could not store the change in time; it may still do so, so read the subscription or retry."


class WebhookService:
    """Every method raises Refused. `time_remaining` is as in SubscriptionService."""

    def __init__(self, webhooks: Webhooks, pages: SubscriptionPages) -> None:
        self._webhooks, self._pages = webhooks, pages

    async def RotateWebhookSecret(  # noqa: N802 (the rpc's)
        self, request: RotateWebhookSecretRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized RotateWebhookSecretResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            secret = await self._webhooks.rotate(request.subscription, scope)
        response = RotateWebhookSecretResponse(value=secret.hmac_secret, secret=secret_message(secret))
        return response.SerializeToString()

    async def RevokeWebhookSecret(  # noqa: N802
        self, request: RevokeWebhookSecretRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized RevokeWebhookSecretResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._webhooks.revoke(request.subscription, scope, request.secret_id)
        return RevokeWebhookSecretResponse().SerializeToString()

    async def ListWebhookDeliveries(  # noqa: N802
        self, request: ListWebhookDeliveriesRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListWebhookDeliveriesResponse."""
        start = self._pages.read_start(request)
        running, deliveries = self._webhooks.deliveries(
            request.subscription, scope, request.order_id, failed=request.failed
        )
        if start is not None:
            key = (start.last_number, int(start.last_text))
            deliveries = [delivery for delivery in deliveries if _sort_key(delivery) < key]
        messages = fill_page(delivery_message(running, delivery) for delivery in deliveries[: page_size(request)])
        token = ""
        if len(deliveries) > len(messages):
            time, position = _sort_key(deliveries[len(messages) - 1])
            token = self._pages.next_token(request, time, str(position))
        return ListWebhookDeliveriesResponse(deliveries=messages, next_page_token=token).SerializeToString()

    async def RedeliverWebhookDelivery(  # noqa: N802
        self, request: RedeliverWebhookDeliveryRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized RedeliverWebhookDeliveryResponse.

        The attempt has a time limit, and it continues if the caller's deadline is earlier.
        """
        attempted = await self._webhooks.redeliver(request.subscription, scope, request.delivery_id)
        return RedeliverWebhookDeliveryResponse(attempt=attempt_message(attempted)).SerializeToString()


def fill_page(deliveries: Iterable[WebhookDelivery]) -> list[WebhookDelivery]:
    """Return the first deliveries, at least one, up to the bytes of a page: they hold texts of the receiver."""
    page: list[WebhookDelivery] = []
    size = 0
    for delivery in deliveries:
        size += delivery.ByteSize()
        if page and size > PAGE_BYTES:
            break
        page.append(delivery)
    return page


def _sort_key(delivery: LoggedDelivery) -> tuple[int, int]:
    return delivery.prepared.time, delivery.prepared.position
