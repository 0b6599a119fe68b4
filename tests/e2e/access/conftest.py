"""A server with a policy and the data of two customers, and calls of its callers."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from tests.e2e.access.callers import write_policy
from tests.e2e.access.world import Target, create_targets, write_facts
from tests.e2e.running_server import RunningServer


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("guarded")
    write_facts(folder / "data")
    server = RunningServer(folder / "data", {"ORDERTRAIL_POLICY": str(write_policy(folder))})
    yield server.start()
    assert server.stop() == 0
    assert server.faults == []


@pytest.fixture(scope="module")
def targets(guarded: RunningServer) -> dict[str, Target]:
    """What requests can name of each customer."""

    async def create() -> dict[str, Target]:
        async with grpc.aio.insecure_channel(guarded.address) as channel:
            return await create_targets(channel)

    return asyncio.run(create())


@pytest.fixture
async def channel(guarded: RunningServer) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(guarded.address, options=[("grpc.enable_retries", 0)]) as channel:
        yield channel
