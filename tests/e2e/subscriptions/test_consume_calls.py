"""What calls of Consume may send, whatever client sends it."""

import asyncio
from typing import Any, cast

import grpc
import pytest
from tests.e2e.subscriptions.consumer_steps import place, take

from ordertrail.client import OrderTrail
from ordertrail.errors import InvalidRequest, NotFound, from_rpc_error
from ordertrail.v1.subscription_service_pb2 import (
    ConsumeRequest,
    DeliveryCredits,
    DeliveryOutcome,
    HandOut,
)
from ordertrail_server.subscriptions.subscriptions import MAX_CONSUMERS

ACKNOWLEDGED, STALE = DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED, DeliveryOutcome.DELIVERY_OUTCOME_STALE


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
    while (await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]  # not in the stubs
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
