"""A server that may post to loopback, and a receiver."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.certificates import Authority
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.webhooks.receiver import Receiver, run_receiver

from ordertrail.client import OrderTrail, connect

LOOPBACK = {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8,::1"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def shared(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests of a file, which may post to loopback and trusts the authority."""
    environment = LOOPBACK | {"ORDERTRAIL_WEBHOOK_CA": str(authority.file)}
    server = RunningServer(tmp_path_factory.mktemp("webhooks") / "data", environment).start()
    yield server
    assert server.stop() == 0, server.stderr
    assert server.faults == []
    assert "whsec_" not in server.stderr


@pytest.fixture
async def orders(shared: RunningServer) -> AsyncIterator[OrderTrail]:
    await wait_until_serving(shared.address)
    async with connect(shared.address) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with run_receiver() as receiver:
        yield receiver
