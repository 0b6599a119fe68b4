"""The documented rolling upgrade of servers on one topic: no call is refused."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.e2e.generations.changed_release import CREATE_SECONDS, change_release, prepare
from tests.e2e.generations.traffic import run_traffic
from tests.e2e.kafka.servers import create_empty_topic, create_server
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.kafka.cluster import Cluster

ROLES = "command,projector,query"
TOPIC, PARTITIONS = "rolling.upgrade", 3


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def servers(cluster: Cluster, stack: ExitStack, tmp_path: Path) -> list[RunningServer]:
    """Two servers of the old release on one topic."""
    create_empty_topic(cluster, TOPIC, PARTITIONS)
    servers = [create_server(cluster, TOPIC, tmp_path / f"data{number}", ROLES) for number in (1, 2)]
    for server in servers:
        stack.enter_context(closing(server.start()))
    return servers


async def test_rolling_upgrade_refuses_no_call(
    cluster: Cluster, servers: list[RunningServer], stack: ExitStack, tmp_path: Path
) -> None:
    changed = change_release(tmp_path / "changed")
    settings = {"ORDERTRAIL_LOG": "kafka", "ORDERTRAIL_BOOTSTRAP": cluster.bootstrap, "ORDERTRAIL_TOPIC": TOPIC}
    for server in servers:
        await wait_until_serving(server.address)
    # gRPC connects to the first of these addresses that answers.
    async with run_traffic(f"ipv4:{','.join(server.address for server in servers)}") as traffic:
        for server in servers:
            successor = RunningServer(server.data, settings | {"ORDERTRAIL_ROLE": ROLES} | changed.environment)
            successor.address = server.address
            stack.enter_context(closing(successor))
            with prepare(server.data, settings | changed.environment) as preparation:
                await traffic.wait_for_receipts(10)
                await asyncio.to_thread(preparation.wait_ready)
                assert await asyncio.to_thread(server.stop) == 0
                await asyncio.to_thread(successor.start)
                await wait_until_serving(successor.address)
                await traffic.wait_for_receipts(10)
                exit_code, _ = await asyncio.to_thread(preparation.end)
                assert exit_code == 0
        created = {order.create_time.seconds async for order in traffic.orders.list_orders()}
    assert created == {CREATE_SECONDS}
