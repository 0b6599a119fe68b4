from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from tests.e2e.logs import Embedded, LogOfServer, OnKafka
from tests.e2e.parked import client_of, make_log, the_story
from tests.e2e.running_server import RunningServer

from ordertrail.client import OrderTrail, connect


@pytest.fixture(scope="module", params=["embedded", "kafka"])
def log(request: pytest.FixtureRequest) -> LogOfServer:
    """The log of `shared`: whatever uses that runs once on each kind."""
    return _log(request)


@pytest.fixture(scope="module")
def shared(log: LogOfServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that many tests use at once; each with orders of its own."""
    server = log.server(tmp_path_factory.mktemp("shared") / "data").start()
    yield server
    assert server.stop() == 0, server.stderr
    assert server.faults == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own on an embedded log, not started yet.

    For what rests on that log's files, which are locked, damaged, filled up and taken away.
    """
    server = RunningServer(tmp_path / "data")
    yield server
    server.close()


@pytest.fixture(params=["embedded", "kafka"])
def own_log(request: pytest.FixtureRequest) -> LogOfServer:
    """The log of `own_server`: whatever uses that runs once on each kind."""
    return _log(request)


@pytest.fixture
def own_server(own_log: LogOfServer, tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own, not started yet, whose log may be of any kind."""
    server = own_log.server(tmp_path / "data")
    yield server
    server.close()


def _log(request: pytest.FixtureRequest) -> LogOfServer:
    # Asked for only where it is needed: the embedded kind runs on machines without Kafka too.
    return OnKafka(request.getfixturevalue("cluster")) if request.param == "kafka" else Embedded()


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


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on the log of the story."""
    server = RunningServer(tmp_path_factory.mktemp("troubled") / "data")
    make_log(server.data, the_story().records[0])
    with closing(server.start()):
        yield server
        assert server.faults == []


@pytest.fixture
async def client(troubled: RunningServer) -> AsyncIterator[OrderTrail]:
    """A client that shows each answer as it came."""
    async with client_of(troubled) as client:
        yield client
