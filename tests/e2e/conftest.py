from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from tests.e2e.running_server import RunningServer

from ordertrail.client import OrderTrail, connect


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that many tests use at once; each with orders of its own."""
    server = RunningServer(tmp_path_factory.mktemp("shared") / "data").start()
    yield server
    exit_code, stderr = server.stop(), server.stderr
    assert exit_code == 0, stderr
    assert "Traceback" not in stderr, "a call failed by a fault of the server"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own, not started yet."""
    server = RunningServer(tmp_path / "data")
    yield server
    server.close()


@pytest.fixture
async def orders(shared: RunningServer) -> AsyncIterator[OrderTrail]:
    """A client of the shared server."""
    async with connect(shared.address) as client:
        yield client


@pytest.fixture
async def channel(shared: RunningServer) -> AsyncIterator[grpc.aio.Channel]:
    """A bare channel to the shared server, which shows each answer as it came: `orders` retries what it may."""
    async with grpc.aio.insecure_channel(shared.address, options=[("grpc.enable_retries", 0)]) as channel:
        yield channel
