"""What subscriptions remember across stops of the server, and what they notice."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.e2e.running_server import RunningServer, wait_until_serving

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import Refused, Unavailable
from ordertrail.v1.subscription_service_pb2 import DeliveryOutcome, SubscriptionState

ACKNOWLEDGED = DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED
STOPPED = SubscriptionState.SUBSCRIPTION_STATE_STOPPED


async def place(orders: OrderTrail, count: int) -> list[str]:
    receipts = [await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")]) for _ in range(count)]
    return [receipt.order_id for receipt in receipts]


async def acknowledge(orders: OrderTrail, count: int) -> list[str]:
    async with asyncio.timeout(60), orders.consume("all") as consumer:
        deliveries = [await anext(consumer) for _ in range(count)]
        assert [await consumer.acknowledge(delivery) for delivery in deliveries] == [ACKNOWLEDGED] * count
    return [delivery.event.order_id for delivery in deliveries]


async def test_parked_order_and_limits_survive_a_stop(server: RunningServer) -> None:
    await asyncio.to_thread(server.start)
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        await orders.create_subscription("all", max_attempts=1)
        poison, fine = await place(orders, 2)
        async with orders.consume("all") as consumer:
            first = await anext(consumer)
            await consumer.reject(first, reason="bad")
    assert await asyncio.to_thread(server.stop) == 0
    await asyncio.to_thread(server.start)
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        [parked] = [order async for order in orders.parked_deliveries("all")]
        assert (parked.order_id, parked.reason, parked.delivery_id) == (poison, "bad", first.hand_out.delivery_id)
        await orders.update_subscription("all", max_attempts=5)
        assert await acknowledge(orders, 1) == [fine]
        await orders.replay_parked("all", poison)
        assert await acknowledge(orders, 1) == [poison]
        assert (await orders.subscription("all")).lag_count == 0
    assert server.faults == []


async def test_server_stops_at_once_although_consumers_are_connected(server: RunningServer) -> None:
    await asyncio.to_thread(server.start)
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        await orders.create_subscription("all")
        await place(orders, 1)
        async with orders.consume("all", patience=0.0) as consumer:
            delivery = await anext(consumer)
            begin = time.monotonic()
            assert await asyncio.to_thread(server.stop) == 0
            assert time.monotonic() - begin < 5.0  # the grace period is 10 seconds
            assert await consumer.acknowledge(delivery) != ACKNOWLEDGED
    assert server.faults == []


async def test_subscription_stops_if_the_log_ends_before_its_position(server: RunningServer, tmp_path: Path) -> None:
    await run(server, place_some)
    shutil.copy(server.data / "log.sqlite", tmp_path / "older.sqlite")
    await run(server, subscribe_to_all)
    restore(server, tmp_path / "older.sqlite")
    await run(server, find_it_stopped, place_some)
    await run(server, find_it_stopped)  # although the log has grown past the position


async def test_server_with_damaged_subscriptions_serves_all_else_and_says_what_to_do(server: RunningServer) -> None:
    await run(server, subscribe_to_all)
    path = server.data / "subscriptions.sqlite"
    content = bytearray(path.read_bytes())
    content[content.index(b"created")] ^= 0x10
    path.write_bytes(content)
    await run(server, place_some, find_subscriptions_refused)
    assert "subscriptions.sqlite is damaged" in server.stderr
    assert "Restore it from a backup" in server.stderr


async def find_subscriptions_refused(orders: OrderTrail) -> None:
    with pytest.raises(Unavailable, match="the operator finds the reason"):
        await orders.subscription("all")


async def run(server: RunningServer, *steps: Callable[[OrderTrail], Awaitable[None]]) -> None:
    await asyncio.to_thread(server.start)
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        for step in steps:
            await step(orders)
    assert await asyncio.to_thread(server.stop) == 0


async def place_some(orders: OrderTrail) -> None:
    await place(orders, 3)


async def subscribe_to_all(orders: OrderTrail) -> None:
    await place(orders, 2)
    subscription = await orders.create_subscription("all")
    await acknowledge(orders, subscription.lag_count)


async def find_it_stopped(orders: OrderTrail) -> None:
    subscription = await orders.subscription("all")
    assert subscription.state == STOPPED
    assert "the log" in subscription.stop_reason
    with pytest.raises(Refused) as refusal:
        async with orders.consume("all") as consumer:
            await anext(consumer)
    assert refusal.value.reason == "SUBSCRIPTION_STOPPED"


def restore(server: RunningServer, log: Path) -> None:
    for path in server.data.glob("log.sqlite*"):
        path.unlink()
    shutil.rmtree(server.data / "projections")
    shutil.copy(log, server.data / "log.sqlite")
