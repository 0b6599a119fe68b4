"""A subscription on a log with orders that the server cannot read."""

import asyncio

import pytest
from tests.e2e.parked import PARKED
from tests.e2e.running_server import RunningServer, wait_until_serving

from ordertrail.client import OrderTrail
from ordertrail.errors import Refused


async def test_unreadable_orders_are_listed_and_others_are_delivered(
    server_with_parked_orders: RunningServer, client: OrderTrail
) -> None:
    await wait_until_serving(server_with_parked_orders.address)
    await client.create_subscription("all")
    async with asyncio.timeout(60), client.consume("all") as consumer:
        names = set()
        for _ in range(4):
            delivery = await anext(consumer)
            names.add((delivery.event.order_id, delivery.event.order_version))
            await consumer.acknowledge(delivery)
    assert names == {("newer", 1), ("fine", 1), ("fine", 2), ("broken", 1)}
    unreadable = [order async for order in client.parked_deliveries("all")]
    assert {order.order_id for order in unreadable if order.unreadable} == {"newer", "first"}
    offsets = {order.order_id: int(order.delivery_id.rsplit("-", 1)[1]) for order in unreadable}
    assert offsets == {order_id: PARKED[order_id] for order_id in offsets}
    with pytest.raises(Refused) as refusal:
        await client.skip_parked("all", unreadable[0].order_id, unreadable[0].delivery_id)
    assert refusal.value.reason == "DELIVERY_NOT_PARKED"
