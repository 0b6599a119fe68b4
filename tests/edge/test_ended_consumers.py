"""Consumers of a served term whose callers do not read end cleanly once the policy no longer allows them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from ordertrail.v1.subscription_service_pb2 import ConsumeRequest
from ordertrail_server.access.authority import Authority
from ordertrail_server.edge import open_streams
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context, Gate, Permit
from ordertrail_server.edge.rpc_handler import abort, conversation_handler
from ordertrail_server.edge.served_term import ServedTerm
from ordertrail_server.subscriptions.kafka.pulse import Pulse

SERVICE, METHOD = "ordertrail.v1.SubscriptionService", "Consume"
OPEN = '[[grants]]\nto = "anyone"\nmay = ["subscribe"]\ncustomers = "all"\n'
SHUT = '[[grants]]\nto = "anyone"\nmay = ["health"]\n'
OPTIONS = [("grpc.http2.bdp_probe", 0)]  # with the probe, the library buffers megabytes that nobody has read


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(OPEN)
    return path


@pytest.fixture
async def gate(policy: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    monkeypatch.setattr(open_streams, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(open_streams, "GRACE_SECONDS", 0.5)
    authority = Authority(policy)
    gate = Gate(authority)
    tasks = [asyncio.create_task(authority.run()), asyncio.create_task(gate.run())]
    yield gate
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def term(gate: Gate) -> ServedTerm:
    async def respond(requests: AsyncIterator[ConsumeRequest], permit: Permit) -> AsyncGenerator[bytes, None]:
        while True:
            yield bytes(100_000)

    async def stop() -> None:
        pass

    draining = Draining()
    handler = conversation_handler(gate.rpc(SERVICE, METHOD), ConsumeRequest, draining, respond)
    return ServedTerm({METHOD: handler}, draining, Pulse(1e9), stop, lambda _: None)


@pytest.fixture
async def address(term: ServedTerm) -> AsyncIterator[str]:
    async def converse(requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            await term.run(METHOD, requests, context)
        except Exception as error:
            await abort(context, error)

    server = grpc.aio.server(options=OPTIONS)
    handlers: dict[str, Any] = {METHOD: grpc.stream_stream_rpc_method_handler(converse)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


async def test_stalled_consumer_ends_without_an_error_in_the_log(
    address: str, term: ServedTerm, policy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        call = channel.stream_stream(f"/{SERVICE}/{METHOD}", None, None)()  # type: ignore[call-arg]  # written to later
        await call.write(ConsumeRequest(subscription="mails").SerializeToString())
        await call.read()
        await asyncio.to_thread(policy.write_text, SHUT)
        async with asyncio.timeout(20):
            await term.wait_idle()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
