"""A server without the timeline leaves its file as it is, and one with the timeline continues that file."""

import asyncio
from contextlib import closing

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.filled_directory import projection_file
from tests.e2e.refusals import catch_refusal
from tests.e2e.running_server import RunningServer, wait_until_serving

from ordertrail.client import OrderTrail, connect
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest
from ordertrail.values import line
from ordertrail_server.projections.catalog import TIMELINE
from ordertrail_server.storage.connection import connect_reader

IDS = "SELECT order_id FROM order_versions ORDER BY order_id"


@pytest.fixture
def server_without(server: RunningServer) -> RunningServer:
    return RunningServer(server.data, {"ORDERTRAIL_TIMELINE": "false"})


async def place(client: OrderTrail, order_id: str) -> None:
    await client.place("shop-1", [line("apple", 1, "1.00", "EUR")], order_id=order_id)


async def wait_until_folded(client: OrderTrail) -> set[str]:
    """Wait until all projections include the whole log, and return their names."""
    while True:
        projections = await client.projections()
        lag_counts = [generation.lag_count for projection in projections for generation in projection.generations]
        if len(lag_counts) == len(projections) and not any(lag_counts):
            return {projection.name for projection in projections}
        await asyncio.sleep(0.05)


async def run_with_order(server: RunningServer, order_id: str) -> set[str]:
    """Start a server, place an order, and stop it; return the names of its projections."""
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address, timeout=60) as client:
        await place(client, order_id)
        names = await wait_until_folded(client)
        if TIMELINE not in names:
            request = ListOrdersRequest(record_time=Timestamp(seconds=1))
            call_refusal = await catch_refusal(client.history.ListOrders(request))
            assert (call_refusal.code.name, call_refusal.reason) == ("FAILED_PRECONDITION", "TIMELINE_OFF")
    assert server.stop() == 0
    return names


async def test_server_without_timeline_leaves_its_file_and_one_with_it_continues(
    server: RunningServer, server_without: RunningServer
) -> None:
    file = projection_file(server.data, TIMELINE)
    assert TIMELINE not in await run_with_order(server_without, "order-1")
    assert not file.exists()
    assert TIMELINE in await run_with_order(server, "order-2")
    before = file.read_bytes()
    assert TIMELINE not in await run_with_order(server_without, "order-3")
    assert file.read_bytes() == before
    await run_with_order(server, "order-4")
    with closing(connect_reader(file)) as connection:
        assert [row[0] for row in connection.execute(IDS)] == [f"order-{number}" for number in range(1, 5)]
