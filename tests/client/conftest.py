from collections.abc import AsyncIterator

import pytest
from tests.client.stand_in import StandIn, serving

from ordertrail.client import OrderTrail


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
async def client(stand_in: StandIn) -> AsyncIterator[OrderTrail]:
    async with serving(stand_in) as connected:
        yield connected
