"""Durable subscriptions, with the client of the package and a server on its own embedded log."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import grpc
import pytest
from tests.e2e.running_server import RunningServer, wait_until_serving

from ordertrail.client import OrderTrail, connect, line
from ordertrail.consumer import Consumer
from ordertrail.errors import InvalidRequest, NotFound, Refused, from_rpc_error
from ordertrail.v1.subscription_service_pb2 import (
    ConsumeRequest,
    Delivery,
    DeliveryCredits,
    DeliveryOutcome,
    HandOut,
    SubscriptionState,
)
from ordertrail_server.subscriptions.subscriptions import MAX_CONSUMERS

ACKNOWLEDGED, REJECTED = DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED, DeliveryOutcome.DELIVERY_OUTCOME_REJECTED
PARKED, STALE = DeliveryOutcome.DELIVERY_OUTCOME_PARKED, DeliveryOutcome.DELIVERY_OUTCOME_STALE


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests of this file. Subscriptions are on an embedded log only."""
    server = RunningServer(tmp_path_factory.mktemp("subscriptions") / "data").start()
    yield server
    assert server.stop() == 0, server.stderr
    assert server.faults == []


@pytest.fixture
async def orders(shared: RunningServer) -> AsyncIterator[OrderTrail]:
    await wait_until_serving(shared.address)
    async with connect(shared.address) as client:
        yield client


async def place(orders: OrderTrail, customer_id: str, count: int = 1) -> list[str]:
    receipts = [await orders.place(customer_id, [line("p_1", 3, "5.20", "EUR")]) for _ in range(count)]
    return [receipt.order_id for receipt in receipts]


async def take(consumer: Consumer, count: int) -> list[Delivery]:
    async with asyncio.timeout(30):
        return [await anext(consumer) for _ in range(count)]


def name_of(delivery: Delivery) -> tuple[str, int]:
    return delivery.event.order_id, delivery.event.order_version


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


async def test_first_message_must_name_the_subscription(orders: OrderTrail) -> None:
    for request, error in ((ConsumeRequest(), InvalidRequest), (ConsumeRequest(subscription="nobody"), NotFound)):
        consumer = orders.consume(request.subscription)
        with pytest.raises(error):
            async with consumer:
                await take(consumer, 1)


async def test_more_credits_than_the_limit_are_refused(orders: OrderTrail) -> None:
    await orders.create_subscription("credits")
    consume: Any = orders.subscription_service.Consume
    call = consume()
    await call.write(ConsumeRequest(subscription="credits", credits=DeliveryCredits(events=2_000)))
    await call.write(ConsumeRequest(credits=DeliveryCredits(events=1)))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await asyncio.wait_for(read_to_the_end(call), 30)
    assert from_rpc_error(refusal.value).reason == "INVALID_REQUEST"


async def read_to_the_end(call: Any) -> None:
    while (await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
        pass


async def test_answers_with_foreign_names_change_nothing(orders: OrderTrail) -> None:
    subscription = await orders.create_subscription("foreign", customer_id="shop-12")
    [order_id] = await place(orders, "shop-12")
    consume: Any = orders.subscription_service.Consume  # the stubs know calls with an iterator only
    call = consume()
    await call.write(ConsumeRequest(subscription="foreign", credits=DeliveryCredits(events=1, bytes=1)))
    [delivery] = (await call.read()).deliveries
    good = delivery.hand_out
    bad = [
        HandOut(delivery_id="", epoch=good.epoch, attempt=1),
        HandOut(delivery_id=f"{subscription.uid}-0-999999999", epoch=good.epoch, attempt=1),
        HandOut(delivery_id=f"{subscription.uid}-99999-1", epoch=good.epoch, attempt=1),
        HandOut(delivery_id=good.delivery_id, epoch=good.epoch + 1, attempt=1),
        HandOut(delivery_id=good.delivery_id, epoch=good.epoch, attempt=2),
    ]
    await call.write(ConsumeRequest(acknowledgements=bad))
    confirmations = (await call.read()).confirmations
    assert [(c.hand_out, c.outcome) for c in confirmations] == [(hand_out, STALE) for hand_out in bad]
    await call.write(ConsumeRequest(acknowledgements=[good]))
    assert [c.outcome for c in (await call.read()).confirmations] == [ACKNOWLEDGED]
    await call.done_writing()
    assert order_id == delivery.event.order_id


async def test_more_consumers_than_the_limit_are_refused(orders: OrderTrail) -> None:
    await orders.create_subscription("crowd", customer_id="shop-13")
    consume: Any = orders.subscription_service.Consume
    calls = [consume() for _ in range(MAX_CONSUMERS + 1)]
    for call in calls:
        await call.write(ConsumeRequest(subscription="crowd"))
    async with asyncio.timeout(30):
        done, waiting = await asyncio.wait(
            [asyncio.ensure_future(call.read()) for call in calls], return_when=asyncio.FIRST_COMPLETED
        )
    [refused] = done
    assert from_rpc_error(cast(grpc.aio.AioRpcError, refused.exception())).reason == "TOO_MANY_SUBSCRIPTIONS"
    assert len(waiting) == MAX_CONSUMERS
    for call in calls:
        call.cancel()
    await asyncio.wait(waiting)


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
