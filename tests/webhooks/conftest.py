"""A receiver of webhooks."""

from collections.abc import AsyncIterator

import pytest
from tests.webhooks.receiver import Receiver, run_receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with run_receiver() as receiver:
        yield receiver
