"""An overloaded server refuses commands that would wait too long, before it reads their requests."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tests.e2e.direct_call import open_channel_without_retries
from tests.e2e.log_lines import read_accesses
from tests.e2e.observed_server import ObservedServer
from tests.e2e.overload.load_phase import PLACE_ORDER
from tests.e2e.overload.open_calls import open_calls
from tests.e2e.overload.order_source import OrderSource
from tests.e2e.refusals import Refused, read_error
from tests.e2e.running_server import wait_until_serving

from ordertrail.v1.commands_pb2 import PlaceOrderResponse

SERVICE, METHOD = PLACE_ORDER.strip("/").split("/")
CALLS, RATE, DEADLINE_S = 6_000, 6_000, 1.0


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[ObservedServer]:
    settings = {"ORDERTRAIL_LOG_FORMAT": "json", "ORDERTRAIL_ACCESS_LOG": "1"}
    observed = ObservedServer.start(tmp_path / "data", settings)
    yield observed
    assert observed.server.stop() == 0
    assert observed.server.faults == []


async def test_overloaded_server_refuses_commands_and_counts_them(observed: ObservedServer) -> None:
    await wait_until_serving(observed.server.address)
    orders, is_seen = OrderSource("flood"), asyncio.Event()
    async with open_channel_without_retries(observed.server) as channel:
        flood = asyncio.create_task(call_until(is_seen, observed.server.address, orders))
        call_refusal = await call_until_refused(channel, orders)
        assert (call_refusal.code.name, call_refusal.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert call_refusal.retry_seconds == pytest.approx(0.1)
        assert await place(channel, orders, None)  # a caller without a deadline waits for as long as it takes
        is_seen.set()
        refused_count = await flood
        assert await place(channel, orders, 60.0)
    labels = {"grpc_type": "unary", "grpc_service": SERVICE, "grpc_method": METHOD, "grpc_code": "ResourceExhausted"}
    assert observed.value("grpc_server_handled_total", **labels) > refused_count > 0
    assert ("RESOURCE_EXHAUSTED", 0, 0) in {
        (line["code"], line["received"], line["sent"])
        for line in read_accesses(observed.server, f"{SERVICE.rpartition('.')[2]}/{METHOD}")
    }


async def call_until(end: asyncio.Event, address: str, orders: OrderSource) -> int:
    """Place far more orders than any server can handle; return how many were refused."""
    refused_count = 0
    async with open_calls(address, PLACE_ORDER, DEADLINE_S) as calls:
        while not end.is_set():
            outcomes = await calls.call_at_rate([orders.create()[1] for _ in range(CALLS)], RATE)
            assert len(outcomes.answers) + outcomes.refused_count + outcomes.late_count == CALLS
            refused_count += outcomes.refused_count
    return refused_count


async def call_until_refused(channel: grpc.aio.Channel, orders: OrderSource) -> Refused:
    """Return the first refusal of a call. On a slow machine, the first calls may end at their deadlines."""
    async with asyncio.timeout(60):
        while True:
            try:
                await place(channel, orders, DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    return read_error(error)


async def place(channel: grpc.aio.Channel, orders: OrderSource, deadline_s: float | None) -> bytes:
    """Place an order; return its digest."""
    call = channel.unary_unary(PLACE_ORDER, None, PlaceOrderResponse.FromString)
    answer = await call(orders.create()[1], timeout=deadline_s)
    return bytes(answer.receipt.digest)
