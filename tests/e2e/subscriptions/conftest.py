"""A server on its own embedded log."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.e2e.running_server import RunningServer, wait_until_serving

from ordertrail.client import OrderTrail, connect


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests of a file. Subscriptions are on an embedded log only."""
    server = RunningServer(tmp_path_factory.mktemp("subscriptions") / "data").start()
    yield server
    assert server.stop() == 0, server.stderr
    assert server.faults == []


@pytest.fixture
async def orders(shared: RunningServer) -> AsyncIterator[OrderTrail]:
    await wait_until_serving(shared.address)
    async with connect(shared.address) as client:
        yield client
