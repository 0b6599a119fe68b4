"""Deliveries to consumers, with the client of the package and a server on its own embedded log."""

import asyncio

import pytest
from tests.e2e.subscriptions.consumer_steps import name_of, place, take

from ordertrail.client import OrderTrail
from ordertrail.errors import Refused
from ordertrail.v1.subscription_service_pb2 import (
    DeliveryOutcome,
)

ACKNOWLEDGED, REJECTED = DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED, DeliveryOutcome.DELIVERY_OUTCOME_REJECTED
PARKED, STALE = DeliveryOutcome.DELIVERY_OUTCOME_PARKED, DeliveryOutcome.DELIVERY_OUTCOME_STALE


async def test_consumer_gets_each_event_until_it_acknowledges_it(orders: OrderTrail) -> None:
    await orders.create_subscription("each-event", customer_id="shop-1")
    ids = await place(orders, "shop-1", 3)
    async with orders.consume("each-event") as consumer:
        deliveries = await take(consumer, 3)
        assert [name_of(delivery) for delivery in deliveries] == [(order_id, 1) for order_id in ids]
        assert [await consumer.acknowledge(delivery) for delivery in deliveries[:2]] == [ACKNOWLEDGED] * 2
    async with orders.consume("each-event") as consumer:
        [again] = await take(consumer, 1)
        assert name_of(again) == (ids[2], 1)
        assert again.hand_out.delivery_id == deliveries[2].hand_out.delivery_id
        assert (again.hand_out.attempt, deliveries[2].hand_out.attempt) == (2, 1)
        assert await consumer.acknowledge(again) == ACKNOWLEDGED
    subscription = await orders.subscription("each-event")
    assert (subscription.lag_count, subscription.in_flight_count, subscription.consumer_count) == (0, 0, 0)


async def test_deliveries_are_the_events_of_the_history(orders: OrderTrail) -> None:
    await orders.create_subscription("same-events", customer_id="shop-2")
    [order_id] = await place(orders, "shop-2")
    fresh = [(await orders.confirm(order_id)).consistency_token]
    listed = [event async for event in orders.list_events(order_id=order_id, at_least_as_fresh=fresh)]
    async with orders.consume("same-events") as consumer:
        assert [delivery.event for delivery in await take(consumer, 2)] == listed


async def test_rejected_event_comes_again_before_those_behind_it(orders: OrderTrail) -> None:
    await orders.create_subscription("rejected", customer_id="shop-3")
    [order_id] = await place(orders, "shop-3")
    await orders.confirm(order_id)
    async with orders.consume("rejected") as consumer:
        placed, confirmed = await take(consumer, 2)
        acknowledged = consumer.acknowledge(confirmed)
        assert await consumer.reject(placed, delay=0.05, reason="no mail server") == REJECTED
        assert await acknowledged == STALE
        [placed_again] = await take(consumer, 1)
        assert name_of(placed_again) == (order_id, 1)
        assert await consumer.acknowledge(placed_again) == ACKNOWLEDGED
        [confirmed_again] = await take(consumer, 1)
        assert name_of(confirmed_again) == (order_id, 2)
        assert await consumer.acknowledge(confirmed) == STALE
        assert await consumer.acknowledge(confirmed_again) == ACKNOWLEDGED


async def test_rejection_is_confirmed_before_its_delay_is_over(orders: OrderTrail) -> None:
    await orders.create_subscription("delayed", customer_id="shop-15")
    await place(orders, "shop-15")
    async with orders.consume("delayed") as consumer, asyncio.timeout(30):
        [delivery] = await take(consumer, 1)
        assert await consumer.reject(delivery, delay=3_600) == REJECTED


async def test_order_that_is_rejected_too_often_is_parked_and_others_go_on(orders: OrderTrail) -> None:
    await orders.create_subscription("poison", customer_id="shop-4", max_attempts=2)
    poison, fine = await place(orders, "shop-4", 2)
    await orders.confirm(poison)
    async with orders.consume("poison", max_events=1) as consumer:
        outcomes: list[int] = []
        while not {PARKED, ACKNOWLEDGED} <= set(outcomes):
            [delivery] = await take(consumer, 1)
            is_poison = delivery.event.order_id == poison
            answered = consumer.reject(delivery, reason="bad") if is_poison else consumer.acknowledge(delivery)
            outcomes.append(await answered)
        [parked] = [order async for order in orders.parked_deliveries("poison")]
        assert (parked.order_id, parked.attempt_count, parked.reason) == (poison, 2, "bad")
        assert not parked.unreadable
        await orders.confirm(fine)
        [confirmed] = await take(consumer, 1)
        assert name_of(confirmed) == (fine, 2)
        assert await consumer.acknowledge(confirmed) == ACKNOWLEDGED

        await orders.skip_parked("poison", poison, parked.delivery_id)
        with pytest.raises(Refused, match="no such parked delivery"):
            await orders.skip_parked("poison", poison, parked.delivery_id)
        [later_delivery] = await take(consumer, 1)
        assert name_of(later_delivery) == (poison, 2)
        assert await consumer.acknowledge(later_delivery) == ACKNOWLEDGED
        assert (await orders.subscription("poison")).parked_order_count == 0


async def test_replayed_order_is_handed_out_again_from_its_parked_event(orders: OrderTrail) -> None:
    await orders.create_subscription("replayed", customer_id="shop-5", max_attempts=1)
    [order_id] = await place(orders, "shop-5")
    await orders.confirm(order_id)
    async with orders.consume("replayed", max_events=1) as consumer:
        [placed] = await take(consumer, 1)
        assert await consumer.reject(placed) == PARKED
        await orders.replay_parked("replayed", order_id)
        for version in (1, 2):
            [delivery] = await take(consumer, 1)
            assert name_of(delivery) == (order_id, version)
            assert await consumer.acknowledge(delivery) == ACKNOWLEDGED
    with pytest.raises(Refused):
        await orders.replay_parked("replayed", order_id)


async def test_two_consumers_share_orders_and_never_hold_the_same_one(orders: OrderTrail) -> None:
    await orders.create_subscription("shared-orders", customer_id="shop-6")
    ids = await place(orders, "shop-6", 6)
    async with (
        orders.consume("shared-orders", max_events=3) as first,
        orders.consume("shared-orders", max_events=3) as second,
    ):
        of_first, of_second = await take(first, 3), await take(second, 3)
        for order_id in ids:
            await orders.confirm(order_id)
        for consumer, deliveries in ((first, of_first), (second, of_second)):
            for delivery in deliveries:
                assert await consumer.acknowledge(delivery) == ACKNOWLEDGED
        confirmed = [*await take(first, 3), *await take(second, 3)]
        assert {name_of(delivery) for delivery in confirmed} == {(order_id, 2) for order_id in ids}


async def test_silent_consumer_loses_its_orders_after_the_time_limit(orders: OrderTrail) -> None:
    await orders.create_subscription("silent", customer_id="shop-7", acknowledge_seconds=1.0)
    [order_id] = await place(orders, "shop-7")
    async with (
        orders.consume("silent", max_events=1) as quiet,
        orders.consume("silent", max_events=1) as loud,
    ):
        takers = {asyncio.ensure_future(take(consumer, 1)): consumer for consumer in (quiet, loud)}
        done, pending = await asyncio.wait(takers, return_when=asyncio.FIRST_COMPLETED)
        [first_delivery] = done.pop().result()
        async with asyncio.timeout(30):
            [again] = await pending.pop()
        assert (name_of(again), again.hand_out.attempt) == (name_of(first_delivery), 2)
        assert order_id == again.event.order_id


async def test_silent_consumer_holds_up_no_orders_but_its_own(orders: OrderTrail) -> None:
    await orders.create_subscription("held-up", customer_id="shop-14")
    held_orders = await place(orders, "shop-14", 3)
    async with orders.consume("held-up", max_events=3) as quiet, asyncio.timeout(60):
        await take(quiet, 3)
        for order_id in held_orders:
            await orders.confirm(order_id)
        later_orders = await place(orders, "shop-14", 20)
        async with orders.consume("held-up", max_events=2) as busy:
            for order_id in later_orders:
                [delivery] = await take(busy, 1)
                assert delivery.event.order_id == order_id
                await busy.acknowledge(delivery)
            subscription = await orders.subscription("held-up")
            assert (subscription.in_flight_count, subscription.consumer_count) == (3, 2)
            assert subscription.lag_count >= 23
            assert subscription.lag.ToNanoseconds() > 0
