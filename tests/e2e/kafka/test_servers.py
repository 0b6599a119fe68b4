"""Many servers on one topic, all equal: whoever is called, an order has one history."""

import asyncio
import signal
from collections.abc import Iterator
from time import monotonic
from typing import NamedTuple

import grpc
import pytest
from tests.e2e.kafka.servers import Shop, a_server, changed, new_topic, started
from tests.e2e.running_server import RunningServer
from tests.e2e.shop import an_order, new_id
from tests.kafka.cluster import Cluster

from ordertrail_server.commands.contention import CONTENTION_S

SERVERS = 3
# Less than any session of Kafka's, on however slow a machine.
AT_ONCE_S = 8.0


class Shared(NamedTuple):
    """Servers that several tests use, each with orders of its own."""

    cluster: Cluster
    topic: str
    servers: list[RunningServer]


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    topic, home = new_topic(cluster, "many.servers", 3), tmp_path_factory.mktemp("servers")
    with started(*(a_server(cluster, topic, home / f"server-{n}") for n in range(SERVERS))) as servers:
        yield Shared(cluster, topic, servers)
    assert [fault for server in servers for fault in server.faults] == []


async def take_turns(shop: Shop, order_id: str, servers: int, commands: int) -> None:
    await shop.send(0, an_order(order_id))
    for number in range(1, commands):
        assert (await shop.send(number % servers, changed(order_id, number))).order_version == number + 1


@pytest.mark.parametrize("servers", [2, 3])
async def test_commands_that_alternate_between_servers_leave_no_void_record(shared: Shared, servers: int) -> None:
    async with Shop(*shared.servers) as shop:
        orders = [new_id("turns") for _ in range(3)]
        await asyncio.gather(*(take_turns(shop, order_id, servers, 50) for order_id in orders))
        report = await shop.audit(shared.cluster, shared.topic)
    assert [void for void in report.voids if void.request[0] in orders] == []


async def test_commands_that_alternate_after_a_pause_leave_no_void_record(
    shared: Shared,
) -> None:
    async with Shop(*shared.servers) as shop:
        order_id, busy = new_id("pause"), new_id("busy")
        await take_turns(shop, order_id, SERVERS, 10)
        await asyncio.sleep(CONTENTION_S + 0.5)  # that they forget is the point
        for number in range(10, 40):
            assert (await shop.send(number % SERVERS, changed(order_id, number))).order_version == number + 1
        await take_turns(shop, busy, SERVERS, 10)
        report = await shop.audit(shared.cluster, shared.topic)
    assert [void for void in report.voids if void.request[0] in (order_id, busy)] == []


async def test_each_of_many_racing_commands_becomes_one_fact(shared: Shared) -> None:
    async with Shop(*shared.servers) as shop:
        order_id = new_id("race")
        await shop.send(0, an_order(order_id))
        commands = [shop.send(number % SERVERS, changed(order_id, number)) for number in range(1, 151)]
        receipts = await asyncio.gather(*commands)
        report = await shop.audit(shared.cluster, shared.topic)
    assert sorted(receipt.order_version for receipt in receipts) == list(range(2, 152))
    voids = [void for void in report.voids if void.request[0] == order_id]
    assert voids, "nobody raced"
    assert {void.cause for void in voids} == {"decided again"}


async def test_retry_at_another_server_returns_the_first_receipt(shared: Shared) -> None:
    async with Shop(*shared.servers) as shop:
        placed = an_order(new_id("again"))
        first = await shop.send(0, placed)
        again = [await shop.send(server, placed) for server in (1, 2)]
        at_once = changed(placed.order_id, 7)
        both = await asyncio.gather(*(shop.send(server, at_once) for server in range(SERVERS)))
        await shop.audit(shared.cluster, shared.topic)
    assert [(told.digest, told.position, told.replayed) for told in again] == [(first.digest, first.position, True)] * 2
    assert len({(told.digest, told.order_version) for told in both}) == 1
    assert sorted(told.replayed for told in both) == [False, True, True]


async def test_other_servers_accept_commands_while_one_is_frozen(shared: Shared) -> None:
    async with Shop(*shared.servers) as shop:
        order_id = new_id("frozen")
        await shop.send(0, an_order(order_id))
        stuck = [asyncio.ensure_future(shop.send(0, changed(order_id, number))) for number in range(1, 20)]
        await asyncio.wait(stuck, return_when=asyncio.FIRST_COMPLETED)
        shared.servers[0].signal(signal.SIGSTOP)
        try:
            for number in range(20, 40):
                began = monotonic()
                await shop.send(1 + number % 2, changed(order_id, number))
                assert monotonic() - began < AT_ONCE_S
        finally:
            shared.servers[0].signal(signal.SIGCONT)
        await asyncio.gather(*stuck)
        report = await shop.audit(shared.cluster, shared.topic)
    assert len(report.orders[order_id]) == 40


async def test_other_servers_accept_commands_after_one_is_killed(shared: Shared) -> None:
    async with Shop(*shared.servers) as shop:
        order_id = new_id("killed")
        await shop.send(0, an_order(order_id))
        calls = [asyncio.ensure_future(shop.send(0, changed(order_id, number))) for number in range(1, 40)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        shared.servers[0].kill()
        began = monotonic()
        await shop.send(1, changed(order_id, 100))
        assert monotonic() - began < AT_ONCE_S
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(each, grpc.aio.AioRpcError) for each in ended if isinstance(each, BaseException))
        for number in range(1, 40):
            await shop.insist(1 + number % 2, changed(order_id, number))
        shared.servers[0].start()
        await shop.insist(0, changed(order_id, 101))
        report = await shop.audit(shared.cluster, shared.topic)
    assert len(report.orders[order_id]) == 42
