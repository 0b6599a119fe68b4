"""The access log: one line for each call, also for refused ones."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import grpc
import pytest
from tests.e2e.log_lines import Line, create_logging_server, read_accesses, read_lines, wait_for_lines
from tests.e2e.running_server import RunningServer, wait_until_serving

from ordertrail.client import connect, line
from ordertrail.errors import OrderTrailError
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest

COMMANDS, HISTORY = "OrderCommandService", "OrderHistoryService"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = create_logging_server(tmp_path_factory.mktemp("accessed") / "data", LOG_LEVEL="warning").start()
    yield server
    assert server.stop() == 0
    assert server.faults == []


async def wait_for_access(server: RunningServer, rpc: str, count: int = 1) -> Line:
    return (await wait_for_lines(partial(read_accesses, server, rpc), count))[-1]


async def test_accepted_command_is_one_line_with_its_ids(server: RunningServer) -> None:
    async with connect(server.address, actor="clerk-7") as orders:
        await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")], request_id="request-1", order_id="order-1")
    access = await wait_for_access(server, f"{COMMANDS}/PlaceOrder")
    assert access.pop("duration_ms") > 0
    assert access.pop("timestamp")
    assert access == {
        "level": "info",
        "logger": "ordertrail_server.access",
        "event": "call",
        "rpc": f"{COMMANDS}/PlaceOrder",
        "request_id": "request-1",
        "order_id": "order-1",
        "actor": "clerk-7",
        "code": "OK",
        "received": 1,
        "sent": 1,
    }


async def test_trace_of_the_caller_is_named(server: RunningServer) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        metadata = (("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),)
        await channel.unary_unary(f"/ordertrail.v1.{HISTORY}/ListOrders", None, None)(b"", metadata=metadata)
    assert (await wait_for_access(server, f"{HISTORY}/ListOrders"))["trace_id"] == TRACE


@pytest.mark.parametrize(
    ("request_bytes", "metadata", "code"),
    [
        (b"\x0a\x06absent", (), "NOT_FOUND"),
        (b"", (), "INVALID_ARGUMENT"),
        (b"\xff", (), "INVALID_ARGUMENT"),
        (b"\x0a\x03abc" + bytes(70_000), (), "RESOURCE_EXHAUSTED"),
    ],
    ids=["absent", "empty", "no message", "too large"],
)
async def test_refused_call_is_one_line_with_its_code(
    server: RunningServer, request_bytes: bytes, metadata: tuple[tuple[str, str], ...], code: str
) -> None:
    rpc = f"{HISTORY}/GetOrder"
    count = len(read_accesses(server, rpc))
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(f"/ordertrail.v1.{rpc}", None, None)(request_bytes, metadata=metadata)
    access = await wait_for_access(server, rpc, count + 1)
    assert (access["code"], access["received"], access["sent"]) == (code, 1, 0)
    assert "actor" not in access
    assert access.get("order_id", "") in ("absent", "")


async def test_refused_command_is_one_line_with_its_ids(server: RunningServer) -> None:
    async with connect(server.address) as orders:
        with pytest.raises(OrderTrailError):
            await orders.confirm("never-placed", request_id="request-2")
    access = await wait_for_access(server, f"{COMMANDS}/ConfirmOrder")
    assert (access["code"], access["order_id"], access["request_id"]) == ("NOT_FOUND", "never-placed", "request-2")


async def test_stream_counts_its_messages_until_its_caller_leaves(server: RunningServer) -> None:
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        receipt = await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
        async with aclosing(orders.stream(order_id=receipt.order_id, follow=True)) as stream:
            await anext(stream)
    access = await wait_for_access(server, f"{HISTORY}/StreamOrderEvents")
    assert (access["code"], access["order_id"], access["received"]) == ("CANCELLED", receipt.order_id, 1)
    assert access["sent"] >= 1


async def test_batches_are_one_line_with_the_number_of_batches(server: RunningServer) -> None:
    async def send_batches() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b""

    async with grpc.aio.insecure_channel(server.address) as channel:
        execute = channel.stream_stream(f"/ordertrail.v1.{COMMANDS}/ExecuteCommands", None, None)
        answers = [answer async for answer in execute(send_batches())]
    access = await wait_for_access(server, f"{COMMANDS}/ExecuteCommands")
    assert (access["code"], access["received"], access["sent"]) == ("OK", 3, len(answers))
    assert "order_id" not in access


async def test_expired_call_has_the_code_of_its_deadline(server: RunningServer) -> None:
    rpc = f"{HISTORY}/StreamOrderEvents"
    count = len(read_accesses(server, rpc))
    request = StreamOrderEventsRequest(customer_id="shop-2", follow=True)
    async with grpc.aio.insecure_channel(server.address) as channel:
        stream = channel.unary_stream(f"/ordertrail.v1.{rpc}", StreamOrderEventsRequest.SerializeToString, None)
        with pytest.raises(grpc.aio.AioRpcError):
            async for _ in stream(request, timeout=0.3):
                pass
    access = await wait_for_access(server, rpc, count + 1)
    assert access["code"] == "DEADLINE_EXCEEDED"


async def test_health_checks_and_other_levels_are_not_in_the_log(server: RunningServer) -> None:
    await wait_until_serving(server.address)
    assert {entry["rpc"].partition("/")[0] for entry in read_accesses(server)} <= {COMMANDS, HISTORY}
    assert {entry["logger"] for entry in read_lines(server)} == {"ordertrail_server.access"}


async def test_access_log_is_off_by_default(tmp_path: Path) -> None:
    server = create_logging_server(tmp_path / "data", ACCESS_LOG="0").start()
    async with connect(server.address) as orders:
        await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
    assert server.stop() == 0
    assert read_accesses(server) == []
