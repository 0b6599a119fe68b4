"""While an issuer does not answer, calls whose tokens are verified already go on, whatever else arrives."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.access.identity.issuer import SigningKey, build_set, shared_key
from tests.access.identity.jwks_server import JwksServer, run_jwks_server
from tests.e2e.access.callers import POLICY, Metadata, metadata_of
from tests.e2e.access.world import send, write_facts
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS, build_request
from tests.e2e.running_server import RunningServer

REQUEST_BYTES = 1 << 20
CALLS, CALL_BYTES = 100, 100_000
"""Together they are more than what may wait for keys, and ten times what the server handles at once."""

UNKNOWN: Metadata = (("authorization", SigningKey(key_id="unknown").bearer(sub="acme clerk", shop="acme")),)


@pytest.fixture
async def issuer() -> AsyncIterator[JwksServer]:
    async with run_jwks_server() as server:
        server.body = build_set(shared_key("ES256"))
        yield server


@pytest.fixture
async def channel(tmp_path: Path, issuer: JwksServer) -> AsyncIterator[grpc.aio.Channel]:
    source = f'jwks_url = "{issuer.url}"\nrefresh_seconds = 1\ncool_down_seconds = 1'
    (tmp_path / "policy.toml").write_text(POLICY.replace('jwks_file = "KEYS"', source))
    await asyncio.to_thread(write_facts, tmp_path / "data")
    settings = {"ORDERTRAIL_POLICY": f"{tmp_path}/policy.toml", "ORDERTRAIL_REQUEST_BYTES": str(REQUEST_BYTES)}
    server = await asyncio.to_thread(RunningServer(tmp_path / "data", settings).start)
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
        yield channel
    issuer.stop()
    assert await asyncio.to_thread(server.stop) == 0
    assert server.faults == []


def call(channel: grpc.aio.Channel, metadata: Metadata, size: int) -> Any:
    """Call GetOrder with a request of roughly this size: it has a field that the server does not know."""
    method = RPCS["GetOrder"]
    request = build_request("GetOrder", "acme-order").SerializeToString() + b"\xfa\x7f" + _length(size) + bytes(size)
    return channel.unary_unary(method.path, None, method.parse)(request, metadata=metadata, timeout=60)


def _length(size: int) -> bytes:
    return bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])


async def refuse(call: Any) -> str:
    return (await catch_refusal(call)).reason


async def test_calls_that_wait_for_keys_take_no_room_from_others_and_leave_none_behind(
    channel: grpc.aio.Channel, issuer: JwksServer
) -> None:
    [_] = await send(channel, "GetOrder", build_request("GetOrder", "acme-order"), "acme clerk")
    issuer.answer = issuer.hang
    await issuer.wait_for(issuer.requests + 1)
    waiting = [asyncio.ensure_future(refuse(call(channel, UNKNOWN, CALL_BYTES))) for _ in range(CALLS)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)  # there is no room for it, or it waited too long
    assert (await call(channel, metadata_of("acme clerk"), CALL_BYTES // 2)).order.order_id == "acme-order"
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    while (reason := await refuse(call(channel, UNKNOWN, 1_000))) == "OVERLOADED":  # the server ends them a bit later
        continue
    assert reason == "UNAUTHENTICATED"
