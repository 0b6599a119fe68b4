"""Subscriptions as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordertrail.v1.subscription_service_pb2 import Subscription

HEADINGS = ("Name", "State", "Lag", "Lag s", "In flight", "Consumers", "Parked")
NUMBERS = ("Lag", "Lag s", "In flight", "Consumers", "Parked")


def subscription_row(subscription: "Subscription") -> tuple[str, ...]:
    """Return the cells of a subscription, under HEADINGS. Its lag in seconds is empty if it is not known."""
    lag = f"{subscription.lag.ToNanoseconds() / 1e9:.1f}" if subscription.HasField("lag") else ""
    return (
        subscription.name,
        f"stopped: {subscription.stop_reason}" if subscription.stop_reason else "active",
        f"{subscription.lag_count:,}",
        lag,
        f"{subscription.in_flight_count:,}",
        f"{subscription.consumer_count:,}",
        f"{subscription.parked_order_count:,}",
    )
