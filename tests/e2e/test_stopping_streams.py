"""No open stream delays the stop of a server, even if its caller does not read.

The grace period is longer than a test can take, so a stream that uses it up fails the test.
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
from tests.e2e.rpcs import RPCS, build_request
from tests.e2e.running_server import END_SECONDS, START_SECONDS, RunningServer, wait_until_serving

from ordertrail.client import connect, line
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail_server.edge.reflection import NAMES

Channel = Any  # the types of grpc know neither calls without a serializer nor streams that are written later
END_OF_STREAM: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # missing in the stubs
BATCH_STREAMS = ["ExecuteCommands", "ImportOrders"]
FOLLOW = StreamOrderEventsRequest(follow=True).SerializeToString()


@pytest.fixture
def patient_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server whose grace period is longer than `wait` waits."""
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_GRACE_SECONDS": str(2 * END_SECONDS)})
    with closing(server.start()):
        yield server


@pytest.fixture
async def channel(patient_server: RunningServer) -> AsyncIterator[Channel]:
    # With a small window, a caller that does not read soon blocks the server.
    options = [("grpc.enable_retries", 0), ("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_535)]
    await wait_until_serving(patient_server.address)
    async with grpc.aio.insecure_channel(patient_server.address, options=options) as channel:
        yield channel


async def assert_stops(server: RunningServer) -> None:
    """Assert that the server ends without errors."""
    assert await asyncio.to_thread(server.wait) == 0
    assert server.faults == []


async def test_health_watch_ends_with_not_serving(patient_server: RunningServer, channel: Channel) -> None:
    watch = HealthStub(channel).Watch(HealthCheckRequest())
    assert (await watch.read()).status == HealthCheckResponse.SERVING
    patient_server.signal(signal.SIGTERM)
    assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
    assert await watch.read() is END_OF_STREAM
    assert await watch.code() is grpc.StatusCode.OK
    await assert_stops(patient_server)


@pytest.mark.parametrize("name", NAMES)
async def test_reflection_stream_ends_when_server_stops(
    patient_server: RunningServer, channel: Channel, name: str
) -> None:
    call = channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        ServerReflectionRequest.SerializeToString,
        ServerReflectionResponse.FromString,
    )()
    await call.write(ServerReflectionRequest(list_services=""))
    answer = await call.read()
    assert isinstance(answer, ServerReflectionResponse)
    assert answer.list_services_response.service
    patient_server.signal(signal.SIGTERM)
    assert await call.read() is END_OF_STREAM
    assert await call.code() is grpc.StatusCode.OK
    await assert_stops(patient_server)


@pytest.mark.parametrize("name", BATCH_STREAMS)
async def test_idle_batch_stream_ends_when_server_stops(
    patient_server: RunningServer, channel: Channel, name: str
) -> None:
    call = channel.stream_stream(RPCS[name].path)()
    await call.write(build_request(name).SerializeToString())
    await call.read()
    patient_server.signal(signal.SIGTERM)
    assert await call.read() is END_OF_STREAM
    assert await call.code() is grpc.StatusCode.OK
    await assert_stops(patient_server)


async def test_idle_event_stream_ends_when_server_stops(patient_server: RunningServer, channel: Channel) -> None:
    call = channel.unary_stream(RPCS["StreamOrderEvents"].path)(FOLLOW)
    await call.read()
    patient_server.signal(signal.SIGTERM)
    while await call.read() is not END_OF_STREAM:
        pass
    assert await call.code() is grpc.StatusCode.OK
    await assert_stops(patient_server)


async def test_unread_event_stream_does_not_delay_stop(patient_server: RunningServer, channel: Channel) -> None:
    async with connect(patient_server.address) as orders:
        lines = [line(f"p_{number}", 1, "1.00", "EUR") for number in range(200)]
        results = [
            result
            async for result in orders.execute(
                PlaceOrderRequest(customer_id="shop-1", lines=lines) for _ in range(2_000)
            )
        ]
    request = StreamOrderEventsRequest(at_least_as_fresh=[results[-1].receipt.consistency_token])
    # Without a deadline, the server waits less long for the 400,000 lines to be projected than a busy machine needs.
    stream = channel.unary_stream(RPCS["StreamOrderEvents"].path)
    call = stream(request.SerializeToString(), timeout=START_SECONDS)
    await call.read()
    await assert_stops_with_unread(patient_server, call)


@pytest.mark.parametrize("name", BATCH_STREAMS)
async def test_unread_batch_stream_does_not_delay_stop(
    patient_server: RunningServer, channel: Channel, name: str
) -> None:
    call = channel.stream_stream(RPCS[name].path)()
    batch = build_request(name)
    [field] = batch.DESCRIPTOR.fields
    getattr(batch, field.name).extend([getattr(batch, field.name)[0]] * 999)
    await write_until_stalled(call, batch.SerializeToString())
    await assert_stops_with_unread(patient_server, call)


async def write_until_stalled(call: Any, batch: bytes) -> None:
    """Send batches without reading answers until the server accepts no more."""
    pending_writes: set[asyncio.Future[None]] = set()
    while not pending_writes:
        # Not cancelled when it does not end: that would cancel the call.
        _, pending_writes = await asyncio.wait({asyncio.ensure_future(call.write(batch))}, timeout=3)


async def assert_stops_with_unread(server: RunningServer, call: Any) -> None:
    server.signal(signal.SIGTERM)
    await assert_stops(server)
    call.cancel()
