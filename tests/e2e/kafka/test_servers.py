"""Several equal servers on one topic: an order has one history at all of them."""

import asyncio
import signal
from collections.abc import Iterator
from time import monotonic
from typing import NamedTuple

import grpc
import pytest
from tests.e2e.kafka.servers import (
    Caller,
    alternate_servers,
    change_quantity,
    create_empty_topic,
    create_server,
    run_servers,
)
from tests.e2e.running_server import RunningServer
from tests.e2e.sample_orders import build_order, new_id
from tests.kafka.cluster import Cluster
from tests.process_freeze import freeze_process

from ordertrail_server.commands.contention import CONTENTION_S

SERVERS = 3
# Less than any session of Kafka's, on however slow a machine.
AT_ONCE_S = 8.0


class SharedServers(NamedTuple):
    """Servers that several tests use with orders of their own."""

    cluster: Cluster
    topic: str
    servers: list[RunningServer]


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServers]:
    topic, home = create_empty_topic(cluster, "many.servers", 3), tmp_path_factory.mktemp("servers")
    with run_servers(*(create_server(cluster, topic, home / f"server-{n}") for n in range(SERVERS))) as servers:
        yield SharedServers(cluster, topic, servers)
    assert [fault for server in servers for fault in server.faults] == []


@pytest.mark.parametrize("servers", [2, 3])
async def test_commands_that_alternate_between_servers_leave_no_void_record(
    shared: SharedServers, servers: int
) -> None:
    async with Caller(*shared.servers) as caller:
        orders = [new_id("turns") for _ in range(3)]
        await asyncio.gather(*(alternate_servers(caller, order_id, servers, 50) for order_id in orders))
        report = await caller.check_topic(shared.cluster, shared.topic)
    assert [void for void in report.voids if void.request[0] in orders] == []


@pytest.mark.trial
async def test_commands_that_alternate_after_a_pause_leave_no_void_record(
    shared: SharedServers,
) -> None:
    async with Caller(*shared.servers) as caller:
        order_id, busy = new_id("pause"), new_id("busy")
        await alternate_servers(caller, order_id, SERVERS, 10)
        await asyncio.sleep(CONTENTION_S + 0.5)  # longer than a server remembers other writers
        for number in range(10, 40):
            assert (await caller.send(number % SERVERS, change_quantity(order_id, number))).order_version == number + 1
        await alternate_servers(caller, busy, SERVERS, 10)
        report = await caller.check_topic(shared.cluster, shared.topic)
    assert [void for void in report.voids if void.request[0] in (order_id, busy)] == []


async def test_each_of_many_racing_commands_becomes_one_fact(shared: SharedServers) -> None:
    async with Caller(*shared.servers) as caller:
        order_id = new_id("race")
        await caller.send(0, build_order(order_id))
        commands = [caller.send(number % SERVERS, change_quantity(order_id, number)) for number in range(1, 151)]
        receipts = await asyncio.gather(*commands)
        report = await caller.check_topic(shared.cluster, shared.topic)
    assert sorted(receipt.order_version for receipt in receipts) == list(range(2, 152))
    voids = [void for void in report.voids if void.request[0] == order_id]
    assert voids, "no commands raced"
    assert {void.cause for void in voids} == {"decided again"}


async def test_retry_at_another_server_returns_the_first_receipt(shared: SharedServers) -> None:
    async with Caller(*shared.servers) as caller:
        placed = build_order(new_id("again"))
        first = await caller.send(0, placed)
        again = [await caller.send(server, placed) for server in (1, 2)]
        at_once = change_quantity(placed.order_id, 7)
        both = await asyncio.gather(*(caller.send(server, at_once) for server in range(SERVERS)))
        await caller.check_topic(shared.cluster, shared.topic)
    assert [(receipt.digest, receipt.position, receipt.replayed) for receipt in again] == [
        (first.digest, first.position, True)
    ] * 2
    assert len({(receipt.digest, receipt.order_version) for receipt in both}) == 1
    assert sorted(receipt.replayed for receipt in both) == [False, True, True]


async def test_other_servers_accept_commands_while_one_is_frozen(shared: SharedServers) -> None:
    async with Caller(*shared.servers) as caller:
        order_id = new_id("frozen")
        await caller.send(0, build_order(order_id))
        stuck = [asyncio.ensure_future(caller.send(0, change_quantity(order_id, number))) for number in range(1, 20)]
        await asyncio.wait(stuck, return_when=asyncio.FIRST_COMPLETED)
        freeze_process(shared.servers[0].pid)
        try:
            for number in range(20, 40):
                began = monotonic()
                await caller.send(1 + number % 2, change_quantity(order_id, number))
                assert monotonic() - began < AT_ONCE_S
        finally:
            shared.servers[0].signal(signal.SIGCONT)
        await asyncio.gather(*stuck)
        report = await caller.check_topic(shared.cluster, shared.topic)
    assert len(report.orders[order_id]) == 40


async def test_other_servers_accept_commands_after_one_is_killed(shared: SharedServers) -> None:
    async with Caller(*shared.servers) as caller:
        order_id = new_id("killed")
        await caller.send(0, build_order(order_id))
        calls = [asyncio.ensure_future(caller.send(0, change_quantity(order_id, number))) for number in range(1, 40)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        shared.servers[0].kill()
        began = monotonic()
        await caller.send(1, change_quantity(order_id, 100))
        assert monotonic() - began < AT_ONCE_S
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, grpc.aio.AioRpcError) for outcome in ended if isinstance(outcome, BaseException))
        for number in range(1, 40):
            await caller.send_until_acknowledged(1 + number % 2, change_quantity(order_id, number))
        shared.servers[0].start()
        await caller.send_until_acknowledged(0, change_quantity(order_id, 101))
        report = await caller.check_topic(shared.cluster, shared.topic)
    assert len(report.orders[order_id]) == 42
