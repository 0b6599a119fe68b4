"""A replay repeats no side effect: after each kind of replay, every event has been posted once, and no more.

Each test places an order at the end. It waits for the POST of that order, because a repeated one would come before.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.generations.changed_release import CLIENT, SERVER, change_release
from tests.e2e.generations.server_projections import NAMES, build
from tests.e2e.parked import make_log
from tests.e2e.releases import build_server_with_failing_upcaster
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.projections.added.package import Package
from tests.projections.log_builder import PLACED, PLUM_ADDED, LogBuilder
from tests.webhooks.receiver import Receiver, run_receiver

from ordertrail.client import OrderTrail, connect, line
from ordertrail.v1.webhook_pb2 import WebhookDeliveryState as State

LOOPBACK = {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8"}
DELIVERED = State.WEBHOOK_DELIVERY_STATE_DELIVERED
EVENTS = 4


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with run_receiver() as receiver:
        yield receiver


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with closing(RunningServer(tmp_path / "data", LOOPBACK)) as server:
        yield server


async def place(orders: OrderTrail) -> str:
    return (await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])).order_id


async def fill(server: RunningServer, receiver: Receiver) -> None:
    """Start a server with a webhook, and wait until its events are posted and known to be."""
    await asyncio.to_thread(server.start)
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        await orders.create_webhook("shop", f"http://127.0.0.1:{receiver.port}/")
        for _ in range(EVENTS // 2):
            await orders.confirm(await place(orders))
        await wait_for_deliveries(orders, EVENTS)


async def wait_for_deliveries(orders: OrderTrail, count: int) -> None:
    """Wait until so many deliveries are stored as done."""
    async with asyncio.timeout(60):
        while [d.state async for d in orders.webhook_deliveries("shop")].count(DELIVERED) < count:
            pass


async def check_posts(server: RunningServer, receiver: Receiver, count: int) -> None:
    """Place an order, and check that so many POSTs have arrived with that of the order, each of another event."""
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        await place(orders)
        await wait_for_deliveries(orders, count)
    assert len({post.delivery_id for post in receiver.posts}) == len(receiver.posts) == count


async def replace(server: RunningServer, successor: RunningServer) -> None:
    assert await asyncio.to_thread(server.stop) == 0
    successor.address = server.address
    await asyncio.to_thread(successor.start)


async def test_rebuilds_a_new_projection_and_another_release_post_nothing(
    server: RunningServer, receiver: Receiver, tmp_path: Path
) -> None:
    await fill(server, receiver)
    await promote_rebuilt_projections(server)
    await check_posts(server, receiver, EVENTS + 1)

    Package(tmp_path / "site", "added")
    paths = os.pathsep.join(map(str, (tmp_path / "site", CLIENT, SERVER)))
    with closing(RunningServer(server.data, LOOPBACK | {"PYTHONPATH": paths})) as extended:
        await replace(server, extended)
        async with connect(extended.address) as orders:
            assert "added" in {projection.name for projection in await orders.projections()}
        await check_posts(extended, receiver, EVENTS + 2)

        (tmp_path / "other").mkdir()
        release = change_release(tmp_path / "other")
        with closing(RunningServer(server.data, LOOPBACK | release.environment)) as upgraded:
            await replace(extended, upgraded)
            await check_posts(upgraded, receiver, EVENTS + 3)
            assert await asyncio.to_thread(upgraded.stop) == 0

    rebuilt = await asyncio.to_thread(CommandLine("127.0.0.1:1").run, "rebuild", "--data", str(server.data))
    assert rebuilt.returncode == 0, rebuilt.stderr
    await asyncio.to_thread(server.start)
    await check_posts(server, receiver, EVENTS + 4)


async def promote_rebuilt_projections(server: RunningServer) -> None:
    async with connect(server.address, timeout=60) as orders:
        for name in NAMES:
            generation = await build(orders, name)
            await orders.promote_generation(name, generation.number)


async def test_retry_of_parked_orders_posts_each_event_once(receiver: Receiver, tmp_path: Path) -> None:
    data, builder = tmp_path / "data", LogBuilder()
    builder.add_fact("fine", PLACED)
    builder.add_statement("imported")
    builder.add_fact("imported", PLUM_ADDED)
    await asyncio.to_thread(make_log, data, builder.records[0])
    with closing(build_server_with_failing_upcaster(data, tmp_path / "ill", LOOPBACK)) as ill_server:
        await asyncio.to_thread(ill_server.start)
        await wait_until_serving(ill_server.address)
        async with connect(ill_server.address) as orders:
            await orders.create_webhook("shop", f"http://127.0.0.1:{receiver.port}/")
            await wait_for_deliveries(orders, 1)
            assert (await orders.retry_parked("imported")).taken_in_count == 0
        with closing(RunningServer(data, LOOPBACK)) as healthy:
            await replace(ill_server, healthy)
            await wait_until_serving(healthy.address)
            async with connect(healthy.address) as orders:
                assert (await orders.retry_parked("imported")).taken_in_count == 2
                await wait_for_deliveries(orders, 3)
            await check_posts(healthy, receiver, 4)
