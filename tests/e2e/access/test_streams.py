"""Open streams end once the token has expired, or the policy no longer allows them: also idle and stalled ones."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.access.identity.issuer import AUDIENCE
from tests.e2e.access.callers import POLICY, metadata_of, write_policy
from tests.e2e.access.world import send, write_facts
from tests.e2e.refusals import catch_refusal, read_error
from tests.e2e.rpcs import RPCS, build_request
from tests.e2e.running_server import RunningServer

from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail.values import line

END_SECONDS = 15.0
"""After this time at the latest a stream has ended: 1 s until the file is read, 5 s until the check, 5 s of grace."""

FOLLOW = StreamOrderEventsRequest(follow=True)
BIG_ORDERS, LINES = 150, 200


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return write_policy(tmp_path)


@pytest.fixture
def own_server(tmp_path: Path, policy: Path) -> Iterator[RunningServer]:
    write_facts(tmp_path / "data")
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_POLICY": str(policy)})
    yield server.start()
    assert server.stop() == 0


@pytest.fixture
async def own_channel(own_server: RunningServer) -> AsyncIterator[grpc.aio.Channel]:
    # With the probe, the library buffers megabytes that nobody has read.
    async with grpc.aio.insecure_channel(own_server.address, options=[("grpc.http2.bdp_probe", 0)]) as channel:
        yield channel


def open_stream(channel: grpc.aio.Channel, metadata: Any, request: StreamOrderEventsRequest = FOLLOW) -> Any:
    method = RPCS["StreamOrderEvents"]
    call = channel.unary_stream(method.path, None, method.parse)
    return call(request.SerializeToString(), metadata=metadata)


async def read_into(frames: list[Any], stream: Any) -> None:
    """Append the frames of a stream until it ends. Raises AioRpcError."""
    while (frame := await stream.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]  # not in the stubs
        frames.append(frame)


async def read_end(stream: Any) -> str:
    """Read a stream to its end; return the reason of its error."""
    refusal = await asyncio.wait_for(catch_refusal(read_into([], stream)), END_SECONDS)
    return refusal.reason


def replace(policy: Path, text: str) -> None:
    """Replace the policy in one step, as operators do."""
    new = policy.with_suffix(".new")
    new.write_text(text)
    new.replace(policy)


async def test_idle_stream_ends_after_its_token_expires(own_channel: grpc.aio.Channel) -> None:
    expires = metadata_of("acme clerk", exp=int(time.time()) + 3)
    assert await read_end(open_stream(own_channel, expires)) == "UNAUTHENTICATED"


async def test_new_policy_ends_the_streams_that_it_does_not_allow(
    own_channel: grpc.aio.Channel, own_server: RunningServer, policy: Path
) -> None:
    streams = {name: open_stream(own_channel, metadata_of(name)) for name in ("acme clerk", "auditor")}
    for stream in streams.values():
        assert await stream.read()
    text = await asyncio.to_thread(policy.read_text)
    for fault in ("", "grants = 1", text.replace('"anyone"', '"nobody"'), text + "[unknown]"):
        replace(policy, fault)
        await wait_for_text(own_server, "the last good policy remains in use")
        assert await send(own_channel, "GetOrder", build_request("GetOrder", "acme-order"), "acme clerk")
    replace(policy, text.replace('"acme clerk", ', ""))
    assert await read_end(streams["acme clerk"]) == "PERMISSION_DENIED"
    assert not streams["auditor"].done()
    replace(policy, text.replace(f'audience = "{AUDIENCE}"', 'audience = "others"'))
    assert await read_end(streams["auditor"]) == "UNAUTHENTICATED"
    replace(policy, text)


async def wait_for_text(server: RunningServer, text: str) -> None:
    async with asyncio.timeout(END_SECONDS):
        while text not in server.stderr:  # noqa: ASYNC110 (another process writes it)
            await asyncio.sleep(0.1)


async def test_stalled_stream_ends_although_its_caller_does_not_read(own_channel: grpc.aio.Channel) -> None:
    lines = [line(f"acme-{number:040}", 1, "1.00", "EUR") for number in range(LINES)]
    for number in range(BIG_ORDERS):
        request = RPCS["PlaceOrder"].request(customer_id="acme", order_id=f"acme-big-{number}", lines=lines)
        await send(own_channel, "PlaceOrder", request, "acme clerk")
    expiry = int(time.time()) + 3
    stream = open_stream(own_channel, metadata_of("acme clerk", exp=expiry), StreamOrderEventsRequest())
    assert (await stream.read()).events
    await asyncio.sleep(expiry + END_SECONDS - time.time())  # nothing shows the end to a caller that does not read
    frames: list[Any] = []
    with pytest.raises(grpc.aio.AioRpcError):
        await read_into(frames, stream)
    assert sum(len(frame.events) for frame in frames) < BIG_ORDERS


async def test_one_identity_cannot_exceed_its_limits_and_others_are_not_affected(tmp_path: Path) -> None:
    path = write_policy(tmp_path, f"{POLICY}\n[limits]\nstreams = 3\ncommands_per_second = 5\nqueries = 2\n")
    await asyncio.to_thread(write_facts, tmp_path / "limited")
    server = RunningServer(tmp_path / "limited", {"ORDERTRAIL_POLICY": str(path)}).start()
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
        streams = [open_stream(channel, metadata_of("acme clerk")) for _ in range(3)]
        for stream in streams:
            await stream.read()
        assert await read_end(open_stream(channel, metadata_of("acme clerk"))) == "CALLER_LIMIT"
        await open_stream(channel, metadata_of("globex clerk")).read()
        get = build_request("GetOrder", "acme-order")
        answers = [send(channel, "GetOrder", get, "acme clerk") for _ in range(100)]
        refused = [
            answer for answer in await asyncio.gather(*answers, return_exceptions=True) if not isinstance(answer, list)
        ]
        assert {read_error(error).reason for error in refused if isinstance(error, grpc.aio.AioRpcError)} == {
            "CALLER_LIMIT"
        }
        assert await send(channel, "GetOrder", get, "acme clerk")
        request = RPCS["ExecuteCommands"].request()
        for _ in range(20):
            request.commands.add().confirm_order.order_id = "acme-order"
        streams[0].cancel()
        response = await send_when_allowed(channel, request)
        codes = [result.status.code for result in response.results]
        assert 5 <= codes.count(grpc.StatusCode.FAILED_PRECONDITION.value[0]) <= 7
        assert codes[-1] == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
        [response] = await send(channel, "ExecuteCommands", request, "auditor")
        assert response.results[0].status.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
    assert server.stop() == 0


async def send_when_allowed(channel: grpc.aio.Channel, request: Any) -> Any:
    """Send a batch once the server has noticed that another stream of the caller has ended."""
    async with asyncio.timeout(END_SECONDS):
        while True:
            try:
                [response] = await send(channel, "ExecuteCommands", request, "acme clerk")
                return response
            except grpc.aio.AioRpcError as error:
                if read_error(error).reason != "CALLER_LIMIT":
                    raise
