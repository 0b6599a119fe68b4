"""A webhook continues on another server when the server that posts is killed, stopped or frozen under load."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from tests.e2e.kafka.servers import run_servers
from tests.e2e.kafka.subscribers import (
    SERVICE,
    Name,
    check,
    create_subscription_server,
    create_topics,
    place_and_confirm,
)
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.kafka.cluster import Cluster
from tests.process_freeze import freeze_process
from tests.webhooks.receiver import ReceivedPost, Receiver, run_receiver

from ordertrail.client import OrderTrail, connect, line
from ordertrail_server.log.kafka.group_leader import find_leader_address

Failure = Callable[[RunningServer], Awaitable[None]]


async def kill(server: RunningServer) -> None:
    await asyncio.to_thread(server.kill)


async def stop(server: RunningServer) -> None:
    assert await asyncio.to_thread(server.stop) == 0


async def freeze(server: RunningServer) -> None:
    freeze_process(server.pid)


def name_of(post: ReceivedPost) -> Name:
    event = json.loads(post.body)["data"]
    return event["orderId"], int(event["orderVersion"])


def check_posts(posts: Sequence[ReceivedPost]) -> set[Name]:
    """Check that each order's events arrived in order, and equal each time. Return the names of all."""
    contents, newest = dict[Name, tuple[str, str]](), dict[str, int]()
    for post in posts:
        order_id, version = name = name_of(post)
        assert version in (newest.get(order_id, 0), newest.get(order_id, 0) + 1), f"{name} arrived out of order"
        newest[order_id] = version
        content = post.delivery_id, post.body
        assert contents.setdefault(name, content) == content, f"{name} arrived with another id or body"
    return set(contents)


async def wait_for_post(receiver: Receiver, name: Name) -> None:
    """Wait until the receiver has this event."""
    count = 0
    async with asyncio.timeout(60):
        while name not in {name_of(post) for post in receiver.posts}:
            count = len(await receiver.wait_for(count + 1))


async def place(orders: OrderTrail) -> Name:
    return (await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])).order_id, 1


@pytest.mark.parametrize(
    "fail", [kill, pytest.param(stop, marks=pytest.mark.trial), pytest.param(freeze, marks=pytest.mark.trial)]
)
async def test_another_server_posts_every_event_in_order(cluster: Cluster, tmp_path: Path, fail: Failure) -> None:
    topic, recorded = create_topics(cluster, "posted"), set[Name]()
    allow = {"WEBHOOK_ALLOW": "127.0.0.0/8"}
    created = [create_subscription_server(cluster, topic, tmp_path / name, **allow) for name in ("first", "second")]
    async with run_receiver() as receiver:
        with run_servers(*created) as servers:
            for server in servers:
                await wait_until_serving(server.address)
                await wait_until_serving(server.address, SERVICE)
            posting, standby = await find_servers(cluster, servers)
            async with connect(standby.address) as orders:
                await orders.create_webhook("shop", f"http://127.0.0.1:{receiver.port}/")
                callers = [asyncio.create_task(place_and_confirm(orders, recorded)) for _ in range(2)]
                await receiver.wait_for(20)
                await fail(posting)
                await wait_for_post(receiver, await place(orders))
                if fail is freeze:
                    posting.signal(signal.SIGCONT)
                    await wait_until_standby(posting, orders)
                check(callers)
                for caller in callers:
                    caller.cancel()
                await asyncio.wait(callers)
                await wait_for_posts(receiver, recorded)
        assert [server.faults for server in servers] == [[], []]


async def find_servers(cluster: Cluster, servers: list[RunningServer]) -> list[RunningServer]:
    """Return the server that serves the subscriptions, and the other one."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    address = await asyncio.to_thread(find_leader_address, admin, "posted.subscriptions", 10.0)
    return sorted(servers, key=lambda server: server.address != address)


async def wait_until_standby(thawed: RunningServer, orders: OrderTrail) -> None:
    """Wait until a thawed server forwards calls to the other one."""
    await orders.create_subscription("later", now=True)
    async with asyncio.timeout(60), connect(thawed.address) as client:
        while "later" not in [subscription.name async for subscription in client.subscriptions()]:
            pass


async def wait_for_posts(receiver: Receiver, recorded: set[Name]) -> None:
    """Wait until all that was recorded has been posted, and check the posts."""
    async with asyncio.timeout(60):
        while not recorded <= check_posts(receiver.posts):
            await receiver.wait_for(len(receiver.posts) + 1)
