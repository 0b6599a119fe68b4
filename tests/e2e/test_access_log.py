"""The access log: one line for each call, also for refused ones."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from tests.e2e.log_lines import Line, create_logging_server, read_accesses, read_lines, wait_for_lines
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order

from ordertrail.client import connect, line
from ordertrail.errors import OrderTrailError
from ordertrail.v1.commands_pb2 import Command, ConfirmOrderRequest, ExecuteCommandsRequest
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest, SourceDocument

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
            await orders.confirm(receipt.order_id)
            await anext(stream)  # the first message has been sent for certain, before its caller leaves
    access = await wait_for_access(server, f"{HISTORY}/StreamOrderEvents")
    assert (access["code"], access["order_id"], access["received"]) == ("CANCELLED", receipt.order_id, 1)
    assert access["sent"] >= 1


async def send_batches(server: RunningServer, rpc: str, *batches: Message) -> Line:
    """Send batches in one call, and return its line."""

    async def iterate() -> AsyncIterator[bytes]:
        for batch in batches:
            yield batch.SerializeToString()

    count = len(read_accesses(server, rpc))
    async with grpc.aio.insecure_channel(server.address) as channel:
        send = channel.stream_stream(f"/ordertrail.v1.{rpc}", None, None)
        with suppress(grpc.aio.AioRpcError):
            async for _ in send(iterate()):
                pass
    return await wait_for_access(server, rpc, count + 1)


def build_confirmations(count: int) -> ExecuteCommandsRequest:
    confirmations = [ConfirmOrderRequest(order_id=f"o-{n}", request_id=f"r-{n}") for n in range(count)]
    return ExecuteCommandsRequest(commands=[Command(confirm_order=confirmation) for confirmation in confirmations])


def read_subject(access: Line) -> Line:
    """Return the fields of a line that say what its batches are about."""
    names = ("commands", "documents", "verb", "order_id", "request_id")
    return {name: access[name] for name in names if name in access}


async def test_batches_are_one_line_with_the_numbers_of_batches_and_commands(server: RunningServer) -> None:
    batches = (build_confirmations(2), build_confirmations(0), build_confirmations(3))
    access = await send_batches(server, f"{COMMANDS}/ExecuteCommands", *batches)
    assert (access["code"], access["received"], access["sent"]) == ("OK", 3, 3)
    assert read_subject(access) == {"commands": 5}


async def test_only_command_of_a_stream_is_named(server: RunningServer) -> None:
    only = {"commands": 1, "verb": "confirm_order", "order_id": "o-0", "request_id": "r-0"}
    for batches in ([1], [1, 0]):
        access = await send_batches(server, f"{COMMANDS}/ExecuteCommands", *map(build_confirmations, batches))
        assert read_subject(access) == only
    access = await send_batches(server, f"{COMMANDS}/ExecuteCommands", *map(build_confirmations, [1, 1]))
    assert read_subject(access) == {"commands": 2}


async def test_batch_that_is_refused_as_a_whole_is_not_counted(server: RunningServer) -> None:
    access = await send_batches(server, f"{COMMANDS}/ExecuteCommands", build_confirmations(1_001))
    assert (access["code"], read_subject(access)) == ("INVALID_ARGUMENT", {"commands": 0})


async def test_documents_of_an_import_are_counted(server: RunningServer) -> None:
    documents = [SourceDocument(origin=f"file:{number}", json=b"{}") for number in range(2)]
    access = await send_batches(server, "OrderImportService/ImportOrders", ImportOrdersRequest(documents=documents))
    assert read_subject(access) == {"documents": 2}


async def test_submission_names_its_only_command(server: RunningServer) -> None:
    async with connect(server.address) as orders:
        commands = [build_order(f"submitted-{number}", f"submit-{number}") for number in range(3)]
        await orders.submit(commands[0])
        await orders.submit(*commands[1:])
    accesses = await wait_for_lines(partial(read_accesses, server, f"{COMMANDS}/SubmitCommand"), 2)
    assert [read_subject(access) for access in accesses] == [
        {"commands": 1, "verb": "place_order", "order_id": "submitted-0", "request_id": "submit-0"},
        {"commands": 2},
    ]


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
    services = {COMMANDS, HISTORY, "OrderImportService"}
    assert {entry["rpc"].partition("/")[0] for entry in read_accesses(server)} <= services
    assert {entry["logger"] for entry in read_lines(server)} == {"ordertrail_server.access"}


async def test_access_log_is_off_by_default(tmp_path: Path) -> None:
    server = create_logging_server(tmp_path / "data", ACCESS_LOG="0").start()
    async with connect(server.address) as orders:
        await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
    assert server.stop() == 0
    assert read_accesses(server) == []
