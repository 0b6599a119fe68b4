"""SubscriptionService without gRPC: each method takes a valid request and returns serialized responses."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

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
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.edge.subscription_messages import (
    filter_from,
    limits_from,
    parked_message,
    subscription_message,
)
from ordertrail_server.history.freshness import Freshness, query_end_offsets, refuse_when_late
from ordertrail_server.history.pages import next_page_token, page_size, read_page_start
from ordertrail_server.history.tokens import Offsets, invalid_token, moment_of
from ordertrail_server.log.port import Log
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.event_source import EventSource
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.subscriptions import Subscriptions

LATE = "The server could not store the change in time; it may still do so, so read the subscription or retry."
CHANGEABLE = {"max_attempts", "acknowledge_timeout"}


class SubscriptionService:
    """Every method raises Refused.

    `time_remaining` is the time until the call's deadline, in seconds, None if it has none.
    """

    def __init__(self, subscriptions: Subscriptions, log: Log, source: EventSource, freshness: Freshness) -> None:
        self._subscriptions, self._log, self._source, self._freshness = subscriptions, log, source, freshness

    async def CreateSubscription(  # noqa: N802 (the rpc's)
        self, request: CreateSubscriptionRequest, time_remaining: float | None
    ) -> bytes:
        """Return a serialized CreateSubscriptionResponse."""
        deadline, requested = query_deadline(time_remaining), request.subscription
        start, begin = await self._find_start(request, deadline)
        async with refuse_when_late(deadline, LATE):
            await self._subscriptions.create(
                requested.name, filter_from(requested.filter), limits_from(requested), start, begin
            )
        message = await self._describe(self._subscriptions.get(requested.name))
        return CreateSubscriptionResponse(subscription=message).SerializeToString()

    async def GetSubscription(self, request: GetSubscriptionRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized GetSubscriptionResponse."""
        message = await self._describe(self._subscriptions.get(request.name))
        return GetSubscriptionResponse(subscription=message).SerializeToString()

    async def ListSubscriptions(self, request: ListSubscriptionsRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized ListSubscriptionsResponse."""
        start = read_page_start(request, self._log.identity)
        names = [name for name in self._subscriptions.names() if start is None or name > start.last_text]
        page = names[: page_size(request)]
        messages = [await self._describe(self._subscriptions.get(name)) for name in page]
        token = next_page_token(request, self._log.identity, 0, page[-1]) if len(names) > len(page) else ""
        return ListSubscriptionsResponse(subscriptions=messages, next_page_token=token).SerializeToString()

    async def UpdateSubscription(self, request: UpdateSubscriptionRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized UpdateSubscriptionResponse."""
        name, paths = request.subscription.name, set(request.update_mask.paths)
        if not paths or not paths <= CHANGEABLE:
            message = f"update_mask: only {' and '.join(sorted(CHANGEABLE))} can be changed; name at least one."
            raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where="update_mask"))
        limits, requested = self._subscriptions.get(name).state.limits, limits_from(request.subscription)
        if "max_attempts" in paths:
            limits = limits._replace(max_attempts=requested.max_attempts)
        if "acknowledge_timeout" in paths:
            limits = limits._replace(acknowledge_s=requested.acknowledge_s)
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._subscriptions.update(name, limits)
        message_ = await self._describe(self._subscriptions.get(name))
        return UpdateSubscriptionResponse(subscription=message_).SerializeToString()

    async def DeleteSubscription(self, request: DeleteSubscriptionRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized DeleteSubscriptionResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._subscriptions.delete(request.name)
        return DeleteSubscriptionResponse().SerializeToString()

    def Consume(self, requests: AsyncIterator[ConsumeRequest]) -> AsyncGenerator[bytes, None]:  # noqa: N802
        """Yield serialized ConsumeResponses. Close the generator when the caller has disconnected."""
        return self._subscriptions.consume(requests)

    async def ListParkedDeliveries(  # noqa: N802
        self, request: ListParkedDeliveriesRequest, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ListParkedDeliveriesResponse."""
        uid = self._subscriptions.get(request.subscription).uid
        start = read_page_start(request, self._log.identity)
        parked = self._subscriptions.parked(request.subscription)
        if start is not None:
            key = (start.last_number, start.last_text)
            parked = [order for order in parked if (order.backlog.time, order.order_id) > key]
        page = parked[: page_size(request)]
        token = ""
        if len(parked) > len(page):
            last = page[-1]
            token = next_page_token(request, self._log.identity, last.backlog.time, last.order_id)
        orders = [parked_message(uid, order) for order in page]
        return ListParkedDeliveriesResponse(orders=orders, next_page_token=token).SerializeToString()

    async def ReplayParkedDeliveries(  # noqa: N802
        self, request: ReplayParkedDeliveriesRequest, time_remaining: float | None
    ) -> bytes:
        """Return a serialized ReplayParkedDeliveriesResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._subscriptions.replay(request.subscription, request.order_id)
        return ReplayParkedDeliveriesResponse().SerializeToString()

    async def SkipParkedDelivery(self, request: SkipParkedDeliveryRequest, time_remaining: float | None) -> bytes:  # noqa: N802
        """Return a serialized SkipParkedDeliveryResponse."""
        async with refuse_when_late(query_deadline(time_remaining), LATE):
            await self._subscriptions.skip(request.subscription, request.order_id, request.delivery_id)
        return SkipParkedDeliveryResponse().SerializeToString()

    async def _find_start(self, request: CreateSubscriptionRequest, deadline: float) -> tuple[str, Offsets]:
        """Return the start as the caller wrote it, and its offsets."""
        model = self._source.model
        if request.WhichOneof("start") == "token":
            begin, as_of = moment_of(request.token, "token", model.log_id, model.partitions)
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
            with suppress(Refused):  # the projection is being built
                oldest = await self._source.find_oldest(running.definition.filter, tuple(running.state.saved))
        return subscription_message(running, ends, oldest)
