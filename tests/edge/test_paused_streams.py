"""The refusal of a stream beyond its caller's limits waits, however its requests arrive."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from ordertrail.v1.commands_pb2 import ExecuteCommandsRequest
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail.v1.subscription_service_pb2 import ConsumeRequest
from ordertrail_server.access.authority import Authority
from ordertrail_server.edge import refusal_pause
from ordertrail_server.edge.admission import BatchAdmission
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context, Gate, Permit
from ordertrail_server.edge.reflection import METHOD, NAMES, reflection_handlers
from ordertrail_server.edge.rpc_handler import Handler, batch_handler, conversation_handler, stream_handler

HISTORY, COMMANDS = "ordertrail.v1.OrderHistoryService", "ordertrail.v1.OrderCommandService"
SUBSCRIPTIONS = "ordertrail.v1.SubscriptionService"
POLICY = """
[[grants]]
to = "anyone"
may = ["read", "write", "subscribe", "reflect"]
customers = "all"
[limits]
streams = 1
"""
PATIENCE_SECONDS = 2.0
"""How long the callers wait, and a thirtieth of the pause."""


async def respond(request: Message, context: Context, permit: Permit) -> AsyncGenerator[bytes, None]:
    yield b""
    await asyncio.Event().wait()


async def execute(batches: Any, context: Context, permit: Permit) -> AsyncIterator[Message]:
    async for _ in batches:
        yield ExecuteCommandsRequest()


async def consume(requests: AsyncIterator[Message], permit: Permit) -> AsyncGenerator[bytes, None]:
    async for _ in requests:
        yield b""


def create_handlers(gate: Gate) -> dict[str, dict[str, Handler]]:
    draining, admission = Draining(), BatchAdmission(1)
    execute_rpc, consume_rpc = gate.rpc(COMMANDS, "ExecuteCommands"), gate.rpc(SUBSCRIPTIONS, "Consume")
    follow_rpc = gate.rpc(HISTORY, "StreamOrderEvents")
    return {
        HISTORY: {"StreamOrderEvents": stream_handler(follow_rpc, StreamOrderEventsRequest, respond)},
        COMMANDS: {"ExecuteCommands": batch_handler(execute_rpc, ExecuteCommandsRequest, admission, draining, execute)},
        SUBSCRIPTIONS: {"Consume": conversation_handler(consume_rpc, ConsumeRequest, draining, consume)},
        **reflection_handlers(gate, [HISTORY], draining),
    }


@pytest.fixture
async def channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[grpc.aio.Channel]:
    monkeypatch.setattr(refusal_pause, "PAUSE_SECONDS", 30 * PATIENCE_SECONDS)
    (tmp_path / "policy.toml").write_text(POLICY)
    server = grpc.aio.server()
    for service, handlers in create_handlers(Gate(Authority(tmp_path / "policy.toml"))).items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


def open_stream(channel: grpc.aio.Channel, rpc: str, seconds: float | None = None) -> Any:
    async def requests() -> AsyncIterator[bytes]:
        yield b""
        await asyncio.Event().wait()

    if rpc.startswith(HISTORY):
        return channel.unary_stream(f"/{rpc}", None, None)(b"", timeout=seconds)
    return channel.stream_stream(f"/{rpc}", None, None)(requests(), timeout=seconds)


@pytest.mark.parametrize(
    "rpc",
    [
        f"{HISTORY}/StreamOrderEvents",
        f"{COMMANDS}/ExecuteCommands",
        f"{SUBSCRIPTIONS}/Consume",
        f"{NAMES[0]}/{METHOD}",
    ],
)
async def test_stream_beyond_the_limit_is_not_refused_at_once(channel: grpc.aio.Channel, rpc: str) -> None:
    first = open_stream(channel, f"{HISTORY}/StreamOrderEvents")
    await first.read()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await open_stream(channel, rpc, PATIENCE_SECONDS).read()
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    first.cancel()
