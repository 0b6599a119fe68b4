from collections.abc import AsyncIterator

import pytest
from ordertrail.client import OrderTrail

from tests.client.stand_in import StandIn, serving


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
async def client(stand_in: StandIn) -> AsyncIterator[OrderTrail]:
    async with serving(stand_in) as connected:
        yield connected
