from collections.abc import AsyncIterator

import pytest
from tests.client.stub_server import StubServer, serve_stub

from ordertrail.client import OrderTrail


@pytest.fixture
def stub_server() -> StubServer:
    return StubServer()


@pytest.fixture
async def client(stub_server: StubServer) -> AsyncIterator[OrderTrail]:
    async with serve_stub(stub_server) as connected:
        yield connected
