"""SubscriptionService without gRPC: each method takes a valid request and returns serialized responses."""

from collections.abc import AsyncGenerator, AsyncIterator

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST
from ordertrail.v1.subscription_service_pb2 import (
    ConsumeRequest,
    CreateSubscriptionRequest,
    CreateSubscriptionResponse,
    DeleteSubscriptionRequest,
    DeleteSubscriptionResponse,
    GetSubscriptionRequest,
    GetSubscriptionResponse,
    ListParkedDeliveriesRequest,
    ListParkedDeliveriesResponse,
    ListSubscriptionsRequest,
    ListSubscriptionsResponse,
    ReplayParkedDeliveriesRequest,
    ReplayParkedDeliveriesResponse,
    SkipParkedDeliveryRequest,
    SkipParkedDeliveryResponse,
    Subscription,
    UpdateSubscriptionRequest,
    UpdateSubscriptionResponse,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.edge.subscription_messages import (
    filter_from,
    limits_from,
    parked_message,
    subscription_message,
)
from ordertrail_server.edge.subscription_pages import SubscriptionPages
from ordertrail_server.edge.webhook_messages import changed_config, config_from, webhook_message
from ordertrail_server.edge.webhook_service import LATE, WebhookService
from ordertrail_server.history.freshness import Freshness, query_end_offsets, refuse_when_late
from ordertrail_server.history.pages import page_size
from ordertrail_server.history.tokens import Offsets, invalid_token, moment_of
from ordertrail_server.log.port import Log
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.definition import Limits
from ordertrail_server.subscriptions.event_source import EventSource
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.subscriptions import Subscriptions
from ordertrail_server.subscriptions.webhook_changes import WebhookSet
from ordertrail_server.webhooks.webhooks import Webhooks, require_webhook

CHANGEABLE = {"max_attempts", "acknowledge_timeout"}
CHANGEABLE_WITH_WEBHOOK = {"max_attempts", "webhook.url", "webhook.timeout", "webhook.max_in_flight"}


class SubscriptionService(WebhookService):
    """Every method raises Refused.

    `time_remaining` is the time until the call's deadline, in seconds, None if it has none.
    """

    def __init__(
        self, subscriptions: Subscriptions, webhooks: Webhooks, log: Log, source: EventSource, freshness: Freshness
    ) -> None:
        super().__init__(webhooks, SubscriptionPages(log.lineage, freshness.known_ends))
        self._subscriptions, self._log, self._source, self._freshness = subscriptions, log, source, freshness

    async def CreateSubscription(  # noqa: N802 (the rpc's)
        self, request: CreateSubscriptionRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized CreateSubscriptionResponse."""
        deadline, requested = query_deadline(time_remaining), request.subscription
        start, begin = await self._find_start(request, deadline)
        name, conditions, secret = requested.name, filter_from(requested.filter, scope), ""
        async with refuse_when_late(deadline, LATE):
            if requested.HasField("webhook"):
                config, attempts = _config_of_new(requested), requested.max_attempts
                secret = await self._webhooks.create(name, conditions, attempts, start, begin, config)
            else:
                await self._subscriptions.create(name, conditions, limits_from(requested), start, begin)
        message = await self._describe(self._subscriptions.get(name, scope))
        return CreateSubscriptionResponse(subscription=message, webhook_secret=secret).SerializeToString()

    async def GetSubscription(  # noqa: N802
        self, request: GetSubscriptionRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized GetSubscriptionResponse."""
        message = await self._describe(self._subscriptions.get(request.name, scope))
        return GetSubscriptionResponse(subscription=message).SerializeToString()

    async def ListSubscriptions(  # noqa: N802
        self, request: ListSubscriptionsRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListSubscriptionsResponse."""
        start = self._pages.read_start(request)
        names = [name for name in self._subscriptions.names(scope) if start is None or name > start.last_text]
        page = names[: page_size(request)]
        messages = [await self._describe(self._subscriptions.get(name, scope)) for name in page]
        token = self._pages.next_token(request, 0, page[-1]) if len(names) > len(page) else ""
        return ListSubscriptionsResponse(subscriptions=messages, next_page_token=token).SerializeToString()

    async def UpdateSubscription(  # noqa: N802
        self, request: UpdateSubscriptionRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized UpdateSubscriptionResponse."""
        name, paths = request.subscription.name, set(request.update_mask.paths)
        webhook = self._subscriptions.get(name, scope).state.webhook
        if any(path.partition(".")[0] == "webhook" for path in paths):
            require_webhook(self._subscriptions.get(name, scope))
        changeable = CHANGEABLE if webhook is None else CHANGEABLE_WITH_WEBHOOK
        if not paths or not paths <= changeable:
            message = f"update_mask: only {', '.join(sorted(changeable))} can be changed here; name at least one."
            raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where="update_mask"))
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            if webhook is None:
                await self._subscriptions.update(name, scope, self._changed_limits(request.subscription, scope, paths))
            else:
                await self._update_webhook(request.subscription, scope, webhook.config, paths)
        message_ = await self._describe(self._subscriptions.get(name, scope))
        return UpdateSubscriptionResponse(subscription=message_).SerializeToString()

    async def DeleteSubscription(  # noqa: N802
        self, request: DeleteSubscriptionRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized DeleteSubscriptionResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._subscriptions.delete(request.name, scope)
        return DeleteSubscriptionResponse().SerializeToString()

    def Consume(  # noqa: N802
        self, requests: AsyncIterator[ConsumeRequest], scope: Scope
    ) -> AsyncGenerator[bytes, None]:
        """Yield serialized ConsumeResponses. Close the generator when the caller has disconnected."""
        return self._subscriptions.consume(requests, scope)

    async def ListParkedDeliveries(  # noqa: N802
        self, request: ListParkedDeliveriesRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListParkedDeliveriesResponse."""
        delivery_ids = self._subscriptions.get(request.subscription, scope).delivery_ids
        start = self._pages.read_start(request)
        parked = self._subscriptions.parked(request.subscription, scope)
        if start is not None:
            key = (start.last_number, start.last_text)
            parked = [order for order in parked if (order.backlog.time, order.order_id) > key]
        page = parked[: page_size(request)]
        token = ""
        if len(parked) > len(page):
            last = page[-1]
            token = self._pages.next_token(request, last.backlog.time, last.order_id)
        orders = [parked_message(delivery_ids, order) for order in page]
        return ListParkedDeliveriesResponse(orders=orders, next_page_token=token).SerializeToString()

    async def ReplayParkedDeliveries(  # noqa: N802
        self, request: ReplayParkedDeliveriesRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ReplayParkedDeliveriesResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._subscriptions.replay(request.subscription, scope, request.order_id)
        return ReplayParkedDeliveriesResponse().SerializeToString()

    async def SkipParkedDelivery(  # noqa: N802
        self, request: SkipParkedDeliveryRequest, scope: Scope, time_remaining: float | None
    ) -> bytes:
        """Return a serialized SkipParkedDeliveryResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._subscriptions.skip(request.subscription, scope, request.order_id, request.delivery_id)
        return SkipParkedDeliveryResponse().SerializeToString()

    def _changed_limits(self, requested: Subscription, scope: Scope, paths: set[str]) -> Limits:
        limits, new = self._subscriptions.get(requested.name, scope).state.limits, limits_from(requested)
        if "max_attempts" in paths:
            limits = limits._replace(max_attempts=new.max_attempts)
        if "acknowledge_timeout" in paths:
            limits = limits._replace(acknowledge_s=new.acknowledge_s)
        return limits

    async def _update_webhook(
        self, requested: Subscription, scope: Scope, present: WebhookSet, paths: set[str]
    ) -> None:
        config = changed_config(present, requested.webhook, paths)
        attempts = self._subscriptions.get(requested.name, scope).state.limits.max_attempts
        if "max_attempts" in paths:
            attempts = requested.max_attempts
        await self._webhooks.update(requested.name, scope, attempts, config, is_url_named="webhook.url" in paths)

    async def _find_start(self, request: CreateSubscriptionRequest, deadline: float) -> tuple[str, Offsets]:
        """Return the start as the caller wrote it, and its offsets."""
        model = self._source.model
        if request.WhichOneof("start") == "token":
            begin, as_of = moment_of(request.token, "token", model.lineage)
            if as_of is not None:
                raise invalid_token("token", "is a token of a moment, after which no subscription can begin")
            if not await self._freshness.log_reaches(begin, deadline):
                raise invalid_token("token", "is ahead of the log, which lacks facts that the token includes")
            return request.token, begin
        if request.now:
            return "now", await self._freshness.query_ends(deadline)
        return "beginning", (0,) * model.partitions

    async def _describe(self, running: RunningSubscription) -> Subscription:
        running.save_position()
        ends = await query_end_offsets(self._log)
        oldest = None
        if any(end > saved for end, saved in zip(ends, running.state.saved, strict=False)):
            oldest = await self._subscriptions.find_oldest(running)
        message = subscription_message(running, ends, oldest)
        if running.state.webhook is not None:
            message.webhook.CopyFrom(webhook_message(running.state.webhook, self._webhooks.worker_of(running)))
        return message


def _config_of_new(requested: Subscription) -> WebhookSet:
    if requested.HasField("acknowledge_timeout"):
        where = "subscription.acknowledge_timeout"
        message = f"{where}: follows from the webhook's timeout; set webhook.timeout instead."
        raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where=where))
    return config_from(requested.webhook)
