"""On an overloaded server, every caller gets an answer or a typed refusal."""

import asyncio
import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e.direct_call import open_channel_without_retries
from tests.e2e.filled_directory import projection_file
from tests.e2e.reference_fold import fold_directory
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order, new_id

from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest, ExecuteCommandsResponse, PlaceOrderRequest
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, ListOrdersRequest, StreamOrderEventsRequest
from ordertrail.v1.order_history_service_pb2_grpc import OrderHistoryServiceStub
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_RETURNED
from ordertrail.values import line
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.storage.checked.connection import connect_checked_writer

CALL_COUNT = 5_000  # above the gRPC library's bound on pending calls, 3,000
LARGE_BATCH = 40


def build_large_order() -> PlaceOrderRequest:
    """Return an order of 200 lines: 24 kB."""
    lines = [line(f"{'p' * 100}-{number}", 1, "2.50", "EUR") for number in range(200)]
    return PlaceOrderRequest(customer_id="shop-1", lines=lines, request_id=new_id("place"))


async def place_all(channel: grpc.aio.Channel, orders: list[PlaceOrderRequest]) -> Counter[str]:
    """Place the orders concurrently. Count receipts, and refusals by reason."""

    async def place(order: PlaceOrderRequest) -> str:
        try:
            await RPCS["PlaceOrder"].call(channel, order.SerializeToString(), 120)
        except grpc.aio.AioRpcError as error:
            call_refusal = await catch_refusal(raise_error(error))
            assert call_refusal.retry_seconds, f"{call_refusal.code} without RetryInfo"
            return call_refusal.reason
        return "receipt"

    return Counter(await asyncio.gather(*map(place, orders)))


async def raise_error(error: grpc.aio.AioRpcError) -> None:
    raise error


async def test_thousands_of_calls_are_answered_or_refused_with_retry_delay(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data")
    with closing(server.start()):
        async with open_channel_without_retries(server) as channel:
            outcomes = await place_all(channel, [build_order() for _ in range(CALL_COUNT)])
        assert outcomes.keys() <= {"receipt", "OVERLOADED"}
        assert len((await fold_directory(server.data)).facts) == outcomes["receipt"]


async def test_large_requests_above_the_byte_limit_are_refused(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_REQUEST_BYTES": str(1024 * 1024)})
    with closing(server.start()):
        async with open_channel_without_retries(server) as channel:
            outcomes = await place_all(channel, [build_large_order() for _ in range(300)])
            assert outcomes["receipt"] >= 40
            assert outcomes["OVERLOADED"] > 0
            assert await place_all(channel, [build_large_order()]) == {"receipt": 1}


async def test_large_batches_of_many_streams_are_answered_in_bounded_memory(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_ORDER_CACHE_BYTES": str(1024 * 1024)})
    with closing(server.start()):
        async with open_channel_without_retries(server) as channel:
            before = server.resident_bytes
            answers = await asyncio.gather(*(send_large_batch(channel) for _ in range(24)))
            assert server.resident_bytes - before < 200 * 1024 * 1024
        results = [result for answer in answers for result in answer.results]
        assert len(results) == 24 * LARGE_BATCH
        assert all(result.HasField("receipt") for result in results)


async def send_large_batch(channel: grpc.aio.Channel) -> ExecuteCommandsResponse:
    batch = ExecuteCommandsRequest(commands=[Command(place_order=build_large_order()) for _ in range(LARGE_BATCH)])
    [answer] = await RPCS["ExecuteCommands"].call(channel, batch.SerializeToString(), 240)
    assert isinstance(answer, ExecuteCommandsResponse)
    return answer


async def test_batch_of_many_empty_commands_is_refused_with_its_field(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data")
    with closing(server.start()):
        async with open_channel_without_retries(server) as channel:
            for raw in (b"\x0a\x00" * 500_000, b"\x10\x00" * 500_000):  # commands, and unknown fields
                call_refusal = await catch_refusal(RPCS["ExecuteCommands"].call(channel, raw, 60))
                assert (call_refusal.reason, call_refusal.fields) == ("INVALID_REQUEST", ["commands"])


@pytest.mark.parametrize("kind", ["batches", "tails", "replays"])
async def test_cancelled_streams_write_nothing_to_stderr(tmp_path: Path, kind: str) -> None:
    server = RunningServer(tmp_path / "data")
    with closing(server.start()):
        await wait_until_serving(server.address)
        async with open_channel_without_retries(server) as channel:
            await place_all(channel, [build_order() for _ in range(50)])
            calls = [open_stream(channel, kind) for _ in range(200)]
            if kind == "batches":
                batch = ExecuteCommandsRequest(commands=[Command(place_order=build_order()) for _ in range(50)])
                await asyncio.gather(*(call.write(batch) for call in calls))
            else:
                await asyncio.gather(*(call.read() for call in calls))
            for call in calls:
                call.cancel()
            assert await place_all(channel, [build_order()]) == {"receipt": 1}
        assert server.stop() == 0
        assert [text for text in server.stderr.splitlines() if "there is no policy" not in text] == []


def open_stream(channel: grpc.aio.Channel, kind: str) -> Any:
    if kind == "batches":
        return OrderCommandServiceStub(channel).ExecuteCommands()  # type: ignore[call-arg]  # written to later
    request = StreamOrderEventsRequest(follow=kind == "tails", max_events_per_frame=1)
    return OrderHistoryServiceStub(channel).StreamOrderEvents(request)


async def test_query_over_time_limit_is_refused_and_others_succeed(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_QUERY_SECONDS": "0.01"})
    with closing(server.start()):
        async with open_channel_without_retries(server) as channel:
            [answer] = await RPCS["PlaceOrder"].call(channel, build_order().SerializeToString())
        await wait_until_serving(server.address)
        server.stop()
        repeat_order(server.data, times=300_000)
        server.start()
        await wait_until_serving(server.address)
        async with open_channel_without_retries(server) as channel:
            by_status = ListOrdersRequest(statuses=[ORDER_STATUS_RETURNED]).SerializeToString()
            call_refusal = await catch_refusal(RPCS["ListOrders"].call(channel, by_status, 60))
            assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUERY_TIME_LIMIT")
            by_id = GetOrderRequest(order_id=answer.receipt.order_id).SerializeToString()
            assert await RPCS["GetOrder"].call(channel, by_id, 60)


def repeat_order(data: Path, times: int) -> None:
    """Add that many copies of the order to the projection of a stopped server."""
    with closing(connect_checked_writer(projection_file(data, ORDERS))) as connection:
        connection.execute(
            "INSERT INTO orders (order_key, version, status, state, created)"
            " SELECT value, version, status, state, created FROM orders, json_each(?)",
            (json.dumps([f"copy-{number}" for number in range(times)]),),
        )
        connection.commit()
