"""Subscriptions as messages of the contract, and back."""

from time import time_ns

from google.protobuf.duration_pb2 import Duration

from ordertrail.v1.subscription_service_pb2 import (
    ParkedDeliveries,
    Subscription,
    SubscriptionFilter,
    SubscriptionState as StateMessage,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.tokens import Offsets, token_of
from ordertrail_server.orders.times import moment
from ordertrail_server.subscriptions.changes import Cause
from ordertrail_server.subscriptions.definition import ACKNOWLEDGE_SECONDS, MAX_ATTEMPTS, Limits
from ordertrail_server.subscriptions.delivery_id import DeliveryIds
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.subscriptions import ParkedOrder


def filter_from(message: SubscriptionFilter, scope: Scope) -> EventFilter:
    """Return the filter of a message, for a caller with a scope."""
    types = tuple(sorted(set(message.event_types)))
    return EventFilter(scope, message.order_id, message.customer_id, message.product_id, types)


def limits_from(message: Subscription) -> Limits:
    """Return the limits of a message, with defaults for those that it lacks."""
    seconds = message.acknowledge_timeout.ToNanoseconds() / 1e9
    return Limits(message.max_attempts or MAX_ATTEMPTS, seconds or ACKNOWLEDGE_SECONDS)


def subscription_message(running: RunningSubscription, ends: Offsets, oldest: int | None) -> Subscription:
    """Return a subscription as a message.

    `ends` are those of the log. `oldest` is the record time of the oldest event that is not done, None if not known.
    """
    definition, state = running.definition, running.state
    conditions, timeout, lag = definition.filter, Duration(), Duration()
    timeout.FromNanoseconds(int(state.limits.acknowledge_s * 1e9))
    message = Subscription(
        name=definition.name,
        uid=definition.uid,
        filter=SubscriptionFilter(
            order_id=conditions.order_id,
            customer_id=conditions.customer_id,
            product_id=conditions.product_id,
            event_types=conditions.types,  # type: ignore[arg-type]  # the numbers of the enum
        ),
        max_attempts=state.limits.max_attempts,
        acknowledge_timeout=timeout,
        create_time=moment(definition.created_at),
        state=_STOPPED if state.stop_reason else _ACTIVE,
        stop_reason=state.stop_reason,
        position_token=token_of(state.log_id, tuple(state.saved)),
        lag_count=sum(max(0, end - saved) for end, saved in zip(ends, state.saved, strict=False)),
        consumer_count=len(running.sessions),
        in_flight_count=running.in_flight_count,
        parked_order_count=running.parked_count,
    )
    if oldest is not None:
        lag.FromNanoseconds(max(0, time_ns() - oldest))
        message.lag.CopyFrom(lag)
    return message


def parked_message(delivery_ids: DeliveryIds, parked: ParkedOrder) -> ParkedDeliveries:
    """Return a parked order as a message."""
    backlog = parked.backlog
    return ParkedDeliveries(
        order_id=parked.order_id,
        delivery_id=delivery_ids.write(backlog.position),
        attempt_count=parked.attempts,
        reason=backlog.reason,
        park_time=moment(backlog.time),
        unreadable=backlog.cause == Cause.UNREADABLE,
    )


_ACTIVE, _STOPPED = StateMessage.SUBSCRIPTION_STATE_ACTIVE, StateMessage.SUBSCRIPTION_STATE_STOPPED
