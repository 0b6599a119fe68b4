"""Definitions of subscriptions: they are created, changed, listed and deleted."""

import asyncio

import pytest
from tests.e2e.subscriptions.consumer_steps import name_of, place, take

from ordertrail.client import OrderTrail
from ordertrail.errors import InvalidRequest, NotFound, Refused
from ordertrail.v1.subscription_service_pb2 import (
    SubscriptionState,
)


async def test_subscription_from_now_skips_what_was_recorded_before(orders: OrderTrail) -> None:
    await place(orders, "shop-8")
    await orders.create_subscription("from-now", customer_id="shop-8", now=True)
    [order_id] = await place(orders, "shop-8")
    async with orders.consume("from-now") as consumer:
        [delivery] = await take(consumer, 1)
        assert name_of(delivery) == (order_id, 1)


async def test_creating_an_equal_subscription_again_changes_nothing(orders: OrderTrail) -> None:
    created = await orders.create_subscription("twice", customer_id="shop-9")
    assert (await orders.create_subscription("twice", customer_id="shop-9")).uid == created.uid
    with pytest.raises(Refused) as refusal:
        await orders.create_subscription("twice", customer_id="shop-10")
    assert refusal.value.reason == "SUBSCRIPTION_EXISTS"


async def test_limits_can_be_changed_and_others_are_kept(orders: OrderTrail) -> None:
    await orders.create_subscription("limits", max_attempts=3)
    changed = await orders.update_subscription("limits", acknowledge_seconds=5.0)
    assert (changed.max_attempts, changed.acknowledge_timeout.seconds) == (3, 5)
    with pytest.raises(InvalidRequest):
        await orders.update_subscription("limits")


async def test_deleted_subscription_ends_its_consumers(orders: OrderTrail) -> None:
    await orders.create_subscription("deleted", customer_id="shop-11")
    async with orders.consume("deleted") as consumer:
        waiting = asyncio.ensure_future(anext(consumer))
        await place(orders, "shop-11")
        assert name_of(await waiting)[1] == 1
        waiting = asyncio.ensure_future(anext(consumer))
        await orders.delete_subscription("deleted")
        with pytest.raises(NotFound):
            await waiting
    with pytest.raises(NotFound) as refusal:
        await orders.subscription("deleted")
    assert refusal.value.reason == "SUBSCRIPTION_NOT_FOUND"
    assert "deleted" not in [subscription.name async for subscription in orders.subscriptions(page_size=2)]


async def test_list_names_all_subscriptions_in_order(orders: OrderTrail) -> None:
    for name in ("list-b", "list-a"):
        await orders.create_subscription(name)
    listed = [subscription async for subscription in orders.subscriptions(page_size=1)]
    names = [subscription.name for subscription in listed]
    assert names == sorted(names)
    assert {"list-a", "list-b"} <= set(names)
    assert {subscription.state for subscription in listed} == {SubscriptionState.SUBSCRIPTION_STATE_ACTIVE}
