"""A log that another process, such as a backup, keeps open while its server is killed and restarted."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.running_server import RunningServer, read_start_refusal
from tests.e2e.sample_orders import build_order

from ordertrail.client import connect
from ordertrail_server.storage.connection import connect_reader

NOBODY = CommandLine("127.0.0.1:1")
WAITS = "another process keeps the file of the log open"


@contextmanager
def open_reader(log: Path) -> Iterator[None]:
    """Hold a read transaction, as a backup does."""
    with closing(connect_reader(log)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM records").fetchone()
        yield


async def wait_for_warning(server: RunningServer) -> None:
    async with asyncio.timeout(60):
        while WAITS not in server.stderr:  # noqa: ASYNC110 (no event reports that a file grows)
            await asyncio.sleep(0.01)


@pytest.fixture
async def order_ids(server: RunningServer) -> list[str]:
    """The orders of a running server."""
    server.start()
    async with connect(server.address) as orders:
        return [(await orders.send(build_order())).order_id for _ in range(3)]


async def test_restarted_server_waits_until_other_process_closes_its_log(
    server: RunningServer, order_ids: list[str]
) -> None:
    with open_reader(server.data / "log.sqlite"):
        async with connect(server.address) as orders:
            order_ids.append((await orders.send(build_order())).order_id)
        server.kill()
        server.spawn()
        await wait_for_warning(server)
    server.wait_until_listening()
    async with connect(server.address) as orders:
        assert {order.order_id async for order in orders.list_orders()} == set(order_ids)
    assert "damaged" not in server.stderr
    assert server.faults == []


async def test_server_that_waits_for_its_log_can_be_stopped(server: RunningServer, order_ids: list[str]) -> None:
    with open_reader(server.data / "log.sqlite"):
        server.kill()
        server.spawn()
        await wait_for_warning(server)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
    assert server.faults == []


async def test_server_that_waits_for_its_log_holds_the_directory_lock(
    server: RunningServer, order_ids: list[str]
) -> None:
    with open_reader(server.data / "log.sqlite"):
        server.kill()
        server.spawn()
        await wait_for_warning(server)
        result = NOBODY.run("rebuild", "--data", str(server.data))
        assert result.returncode == 1
        for refusal in (read_start_refusal(server.data), result.stderr):
            assert f"Another process (pid {server.pid}) already serves" in refusal
    server.wait_until_listening()
    assert server.stop() == 0
    server.start()


async def test_tail_and_rebuild_work_while_the_log_is_open_elsewhere(
    server: RunningServer, order_ids: list[str]
) -> None:
    server.kill()
    with open_reader(server.data / "log.sqlite"):
        assert len(NOBODY.lines("tail", "--data", str(server.data))) == len(order_ids)
        assert NOBODY.run("rebuild", "--data", str(server.data)).returncode == 0
