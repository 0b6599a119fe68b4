from collections.abc import AsyncIterator

import pytest
from tests.client.stub_server import StubServer, serving

from ordertrail.client import OrderTrail


@pytest.fixture
def stub_server() -> StubServer:
    return StubServer()


@pytest.fixture
async def client(stub_server: StubServer) -> AsyncIterator[OrderTrail]:
    async with serving(stub_server) as connected:
        yield connected
