"""The client methods for durable subscriptions."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from ordertrail.consumer import Consumer
from ordertrail.query_methods import QueryMethods
from ordertrail.v1.order_events_pb2 import OrderEventType
from ordertrail.v1.subscription_service_pb2 import (
    CreateSubscriptionRequest,
    DeleteSubscriptionRequest,
    GetSubscriptionRequest,
    ListParkedDeliveriesRequest,
    ListSubscriptionsRequest,
    ParkedDeliveries,
    ReplayParkedDeliveriesRequest,
    SkipParkedDeliveryRequest,
    Subscription,
    SubscriptionFilter,
    UpdateSubscriptionRequest,
)

if TYPE_CHECKING:
    from ordertrail.v1.subscription_service_pb2_grpc import SubscriptionServiceAsyncStub

__all__ = ["SubscriptionMethods", "build_creation", "duration_of"]


class SubscriptionMethods(QueryMethods):
    """The methods for durable subscriptions. `timeout` is per call, in seconds."""

    subscription_service: "SubscriptionServiceAsyncStub"

    async def create_subscription(
        self,
        name: str,
        *,
        order_id: str = "",
        customer_id: str = "",
        product_id: str = "",
        event_types: Iterable[OrderEventType.ValueType] = (),
        token: str = "",
        now: bool = False,
        max_attempts: int = 0,
        acknowledge_seconds: float = 0.0,
        timeout: float | None = None,
    ) -> Subscription:
        """Create a subscription, and return it; return an equal one that exists.

        It begins at the beginning of the log, after the facts of `token`, or with `now` after all recorded events. 0
        means the server's default. Raises Refused if another subscription has this name.
        """
        conditions = SubscriptionFilter(
            order_id=order_id, customer_id=customer_id, product_id=product_id, event_types=event_types
        )
        subscription = Subscription(name=name, filter=conditions, max_attempts=max_attempts)
        if acknowledge_seconds:
            subscription.acknowledge_timeout.CopyFrom(duration_of(acknowledge_seconds))
        request = build_creation(subscription, token, now=now)
        response = await self._call(self.subscription_service.CreateSubscription, request, timeout)
        return response.subscription

    async def subscription(self, name: str, *, timeout: float | None = None) -> Subscription:
        """Return a subscription with its position and its lag. Raises NotFound."""
        request = GetSubscriptionRequest(name=name)
        response = await self._call(self.subscription_service.GetSubscription, request, timeout)
        return response.subscription

    async def subscriptions(
        self, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncGenerator[Subscription, None]:
        """Yield the subscriptions by name. Pages are fetched when they are needed."""
        request = ListSubscriptionsRequest(page_size=page_size)
        async for page in self._pages(self.subscription_service.ListSubscriptions, request, timeout):
            for subscription in page.subscriptions:
                yield subscription

    async def update_subscription(
        self,
        name: str,
        *,
        max_attempts: int | None = None,
        acknowledge_seconds: float | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """Change limits of a subscription, and return it. Raises NotFound."""
        subscription, paths = Subscription(name=name, max_attempts=max_attempts or 0), []
        if max_attempts is not None:
            paths.append("max_attempts")
        if acknowledge_seconds is not None:
            paths.append("acknowledge_timeout")
            subscription.acknowledge_timeout.CopyFrom(duration_of(acknowledge_seconds))
        request = UpdateSubscriptionRequest(subscription=subscription, update_mask=FieldMask(paths=paths))
        response = await self._call(self.subscription_service.UpdateSubscription, request, timeout)
        return response.subscription

    async def delete_subscription(self, name: str, *, timeout: float | None = None) -> None:
        """Delete a subscription with all that it remembers. Raises NotFound."""
        request = DeleteSubscriptionRequest(name=name)
        await self._call(self.subscription_service.DeleteSubscription, request, timeout)

    def consume(
        self, name: str, *, max_events: int = 100, max_bytes: int = 1 << 20, patience: float = 60.0
    ) -> Consumer:
        """Return a consumer of a subscription, for `async with` and `async for`; see Consumer."""
        stub = self.subscription_service
        return Consumer(stub, name, max_events=max_events, max_bytes=max_bytes, patience=patience)

    async def parked_deliveries(
        self, name: str, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncGenerator[ParkedDeliveries, None]:
        """Yield the orders that are parked in a subscription, longest parked first. Raises NotFound."""
        request = ListParkedDeliveriesRequest(subscription=name, page_size=page_size)
        async for page in self._pages(self.subscription_service.ListParkedDeliveries, request, timeout):
            for order in page.orders:
                yield order

    async def replay_parked(self, name: str, order_id: str, *, timeout: float | None = None) -> None:
        """Hand out the parked events of an order again. Raises NotFound, or Refused if it is not parked."""
        request = ReplayParkedDeliveriesRequest(subscription=name, order_id=order_id)
        await self._call(self.subscription_service.ReplayParkedDeliveries, request, timeout)

    async def skip_parked(self, name: str, order_id: str, delivery_id: str, *, timeout: float | None = None) -> None:
        """Skip the first parked event of an order, and hand out those after it.

        Raises NotFound, or Refused if the order is not parked, or at another event.
        """
        request = SkipParkedDeliveryRequest(subscription=name, order_id=order_id, delivery_id=delivery_id)
        await self._call(self.subscription_service.SkipParkedDelivery, request, timeout)


def build_creation(subscription: Subscription, token: str, *, now: bool) -> CreateSubscriptionRequest:
    """Return the request that creates a subscription after the facts of a token, from now on, or from the beginning."""
    request = CreateSubscriptionRequest(subscription=subscription)
    if token:
        request.token = token
    elif now:
        request.now = True
    return request


def duration_of(seconds: float) -> Duration:
    """Return a number of seconds as a message."""
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
