from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from tests.e2e.logs import Embedded, LogOfServer, OnKafka
from tests.e2e.parked import build_parked_log, create_client, make_log
from tests.e2e.running_server import RunningServer

from ordertrail.client import OrderTrail, connect


@pytest.fixture(scope="module", params=["embedded", "kafka"])
def log(request: pytest.FixtureRequest) -> LogOfServer:
    """The log of `shared`. Tests that use it run once on each kind of log."""
    return _log(request)


@pytest.fixture(scope="module")
def shared(log: LogOfServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests of a module. Each test uses its own orders."""
    server = log.server(tmp_path_factory.mktemp("shared") / "data").start()
    yield server
    assert server.stop() == 0, server.stderr
    assert server.faults == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server on a new embedded log, not started yet.

    For tests that lock, damage or remove the files of the log.
    """
    server = RunningServer(tmp_path / "data")
    yield server
    server.close()


@pytest.fixture(params=["embedded", "kafka"])
def own_log(request: pytest.FixtureRequest) -> LogOfServer:
    """The log of `own_server`. Tests that use it run once on each kind of log."""
    return _log(request)


@pytest.fixture
def own_server(own_log: LogOfServer, tmp_path: Path) -> Iterator[RunningServer]:
    """A server on a new log of each kind, not started yet."""
    server = own_log.server(tmp_path / "data")
    yield server
    server.close()


def _log(request: pytest.FixtureRequest) -> LogOfServer:
    # The cluster is requested only for Kafka, because tests on the embedded log also run on machines without Kafka.
    if request.param == "embedded":
        return Embedded()
    return OnKafka(request.getfixturevalue("cluster"), has_commands=request.param == "kafka with commands")


@pytest.fixture
async def orders(shared: RunningServer) -> AsyncIterator[OrderTrail]:
    """A client of the shared server."""
    async with connect(shared.address) as client:
        yield client


@pytest.fixture
async def channel(shared: RunningServer) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the shared server that does not retry, unlike `orders`."""
    async with grpc.aio.insecure_channel(shared.address, options=[("grpc.enable_retries", 0)]) as channel:
        yield channel


@pytest.fixture(scope="module")
def server_with_parked_orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on the log with parked orders."""
    server = RunningServer(tmp_path_factory.mktemp("server_with_parked_orders") / "data")
    make_log(server.data, build_parked_log().records[0])
    with closing(server.start()):
        yield server
        assert server.faults == []


@pytest.fixture
async def client(server_with_parked_orders: RunningServer) -> AsyncIterator[OrderTrail]:
    """A client that does not retry."""
    async with create_client(server_with_parked_orders) as client:
        yield client
