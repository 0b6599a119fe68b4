"""An upgrade that was prepared: another rule, the same log, and no refused call."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from tests.e2e.generations.changed_release import CREATE_SECONDS, ChangedRelease, change_release, prepare
from tests.e2e.generations.traffic import Traffic, run_traffic
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order_commands, new_id

from ordertrail.client import connect
from ordertrail_server.projections.catalog import OWN_NAMES

RELEASE: dict[str, str] = {}
"""The environment of this release, the old one."""


@pytest.fixture(scope="module")
def changed_release(tmp_path_factory: pytest.TempPathFactory) -> ChangedRelease:
    return change_release(tmp_path_factory.mktemp("changed_release"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the old release with some orders."""
    server = RunningServer(tmp_path / "data").start()
    with closing(server):
        asyncio.run(fill(server.address))
        yield server


async def fill(address: str, orders: int = 400) -> None:
    """Execute all commands of some orders, about eight each."""
    await wait_until_serving(address)
    requests = [request for number in range(orders) for request in build_order_commands(new_id("old"), Random(number))]
    async with connect(address) as client:
        async for result in client.execute(requests):
            assert result.WhichOneof("result") == "receipt", result.status


async def create_seconds(traffic: Traffic) -> set[int]:
    """Return the creation times of all orders."""
    return {order.create_time.seconds async for order in traffic.orders.list_orders()}


def replace(server: RunningServer, successor: RunningServer) -> None:
    """Stop a server, and start another one at the same address."""
    assert server.stop() == 0
    successor.start()


async def test_no_call_is_refused_when_a_prepared_release_replaces_the_old_one_and_back(
    server: RunningServer, changed_release: ChangedRelease
) -> None:
    new = changed_release.server(server.data, server.address)
    with closing(new):
        async with run_traffic(server.address) as traffic:
            await traffic.wait_for_receipts(20)
            with prepare(server.data, changed_release.environment) as preparation:
                await asyncio.to_thread(preparation.wait_ready)
                await traffic.wait_for_receipts(20)
                await asyncio.to_thread(replace, server, new)
                await traffic.wait_for_receipts(40)
                exit_code, output = await asyncio.to_thread(preparation.end)
            assert (exit_code, '"event": "taken_over", "isReady": true' in output) == (0, True), output
            assert await create_seconds(traffic) == {CREATE_SECONDS}
            # The generations of the old release are kept, and catch up.
            await asyncio.to_thread(replace, new, server)
            await traffic.wait_for_receipts(40)
            assert CREATE_SECONDS not in await create_seconds(traffic)
        assert server.stop() == 0
        assert server.faults == new.faults == []


async def test_preparation_that_is_killed_continues_where_it_was(
    server: RunningServer, changed_release: ChangedRelease
) -> None:
    with prepare(server.data, changed_release.environment) as preparation:
        await asyncio.to_thread(preparation.wait_for_line, '"folded"')
        preparation.process.kill()
    before = projection_files(server.data)
    async with run_traffic(server.address) as traffic:
        await traffic.wait_for_receipts(5)
        with prepare(server.data, changed_release.environment, "--once") as preparation:
            assert (await asyncio.to_thread(preparation.end))[0] == 0
        await traffic.wait_for_receipts(5)
    assert projection_files(server.data) >= before
    new = changed_release.server(server.data, server.address)
    with closing(new):
        await asyncio.to_thread(replace, server, new)
        async with run_traffic(server.address) as traffic:
            await traffic.wait_for_receipts(5)
            assert await create_seconds(traffic) == {CREATE_SECONDS}


def projection_files(data: Path) -> set[str]:
    return {path.name for path in (data / "projections").glob("*.sqlite")}


async def test_preparation_of_the_running_release_writes_nothing(server: RunningServer) -> None:
    async with run_traffic(server.address) as traffic:
        await traffic.wait_for_receipts(5)
        with prepare(server.data, RELEASE, "--once") as preparation:
            exit_code, output = await asyncio.to_thread(preparation.end)
        await traffic.wait_for_receipts(5)
    assert exit_code == 0
    assert '"isServed": false' not in output
    assert len(projection_files(server.data)) == len(OWN_NAMES)
    assert "is restarted" not in server.stderr


async def test_one_of_two_preparations_gets_ready(server: RunningServer, changed_release: ChangedRelease) -> None:
    with (
        prepare(server.data, changed_release.environment, "--once") as first,
        prepare(server.data, changed_release.environment, "--once") as second,
    ):
        ended = [await asyncio.to_thread(preparation.end) for preparation in (first, second)]
    assert 0 in {exit_code for exit_code, _ in ended}, ended
    new = changed_release.server(server.data, server.address)
    with closing(new):
        await asyncio.to_thread(replace, server, new)
        async with run_traffic(server.address) as traffic:
            await traffic.wait_for_receipts(5)
            assert await create_seconds(traffic) == {CREATE_SECONDS}
