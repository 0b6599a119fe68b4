"""No open stream keeps a server that stops, also none whose caller does not read.

The servers' grace is longer than a test may take, so whatever sat it out would fail.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from tests.e2e.rpcs import RPCS, a_request
from tests.e2e.running_server import END_SECONDS, RunningServer, until_serving

from ordertrail.client import connect, line
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail_server.edge.reflection import NAMES

Channel = Any  # the types of grpc know neither calls without a serializer nor streams that are written later
END: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # missing in the stubs
BATCH_STREAMS = ["ExecuteCommands", "ImportOrders"]
FOLLOW = StreamOrderEventsRequest(follow=True).SerializeToString()


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[RunningServer]:
    """A server whose grace period is longer than `wait` waits."""
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_GRACE_SECONDS": str(2 * END_SECONDS)})
    with closing(server.start()):
        yield server


@pytest.fixture
async def channel(patient: RunningServer) -> AsyncIterator[Channel]:
    # A small window: a caller who does not read holds up the server soon.
    options = [("grpc.enable_retries", 0), ("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_535)]
    await until_serving(patient.address)
    async with grpc.aio.insecure_channel(patient.address, options=options) as channel:
        yield channel


async def stopped(server: RunningServer) -> None:
    """Assert that the server ends, without any fault."""
    assert await asyncio.to_thread(server.wait) == 0
    assert server.faults == []


async def test_health_watch_ends_with_not_serving(patient: RunningServer, channel: Channel) -> None:
    watch = HealthStub(channel).Watch(HealthCheckRequest())
    assert (await watch.read()).status == HealthCheckResponse.SERVING
    patient.signal(signal.SIGTERM)
    assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
    assert await watch.read() is END
    assert await watch.code() is grpc.StatusCode.OK
    await stopped(patient)


@pytest.mark.parametrize("name", NAMES)
async def test_reflection_stream_ends_when_server_stops(patient: RunningServer, channel: Channel, name: str) -> None:
    call = channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        ServerReflectionRequest.SerializeToString,
        ServerReflectionResponse.FromString,
    )()
    await call.write(ServerReflectionRequest(list_services=""))
    answer = await call.read()
    assert isinstance(answer, ServerReflectionResponse)
    assert answer.list_services_response.service
    patient.signal(signal.SIGTERM)
    assert await call.read() is END
    assert await call.code() is grpc.StatusCode.OK
    await stopped(patient)


@pytest.mark.parametrize("name", BATCH_STREAMS)
async def test_idle_batch_stream_ends_when_server_stops(patient: RunningServer, channel: Channel, name: str) -> None:
    call = channel.stream_stream(RPCS[name].path)()
    await call.write(a_request(name).SerializeToString())
    await call.read()
    patient.signal(signal.SIGTERM)
    assert await call.read() is END
    assert await call.code() is grpc.StatusCode.OK
    await stopped(patient)


async def test_idle_event_stream_ends_when_server_stops(patient: RunningServer, channel: Channel) -> None:
    call = channel.unary_stream(RPCS["StreamOrderEvents"].path)(FOLLOW)
    await call.read()
    patient.signal(signal.SIGTERM)
    while await call.read() is not END:
        pass
    assert await call.code() is grpc.StatusCode.OK
    await stopped(patient)


async def test_event_stream_without_a_reader_does_not_keep_a_server(patient: RunningServer, channel: Channel) -> None:
    async with connect(patient.address) as orders:
        lines = [line(f"p_{number}", 1, "1.00", "EUR") for number in range(200)]
        results = [
            result
            async for result in orders.execute(
                PlaceOrderRequest(customer_id="shop-1", lines=lines) for _ in range(2_000)
            )
        ]
    request = StreamOrderEventsRequest(at_least_as_fresh=[results[-1].receipt.consistency_token])
    call = channel.unary_stream(RPCS["StreamOrderEvents"].path)(request.SerializeToString())
    await call.read()
    await stopped_with_unread(patient, call)


@pytest.mark.parametrize("name", BATCH_STREAMS)
async def test_batch_stream_without_a_reader_does_not_keep_a_server(
    patient: RunningServer, channel: Channel, name: str
) -> None:
    call = channel.stream_stream(RPCS[name].path)()
    batch = a_request(name)
    [field] = batch.DESCRIPTOR.fields
    getattr(batch, field.name).extend([getattr(batch, field.name)[0]] * 999)
    await write_until_stalled(call, batch.SerializeToString())
    await stopped_with_unread(patient, call)


async def write_until_stalled(call: Any, batch: bytes) -> None:
    """Send batches and read no answer, until the server takes no more."""
    writing: set[asyncio.Future[None]] = set()
    while not writing:
        # Not cancelled when it does not end: that would cancel the call.
        _, writing = await asyncio.wait({asyncio.ensure_future(call.write(batch))}, timeout=3)


async def stopped_with_unread(server: RunningServer, call: Any) -> None:
    server.signal(signal.SIGTERM)
    await stopped(server)
    call.cancel()
