"""Every answer includes all facts before its `current_at` while reads and writes run concurrently."""

import asyncio
from pathlib import Path

import pytest
from tests.history.history_server import HistoryServer, build_placed, serve_history
from tests.history.streaming.tail import open_tail

from ordertrail.v1.order_history_service_pb2 import (
    ListOrdersRequest,
    ListOrdersResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.recency import Recency
from ordertrail_server.orders.times import nanoseconds


@pytest.mark.parametrize("partitions", [1, 3])
async def test_answer_includes_every_fact_before_its_current_at(tmp_path: Path, partitions: int) -> None:
    async with serve_history(tmp_path, partitions) as server:
        server.record("o-0", build_placed("p"))
        await server.project()
        # The clock counts the facts that the log holds, so `current_at` guarantees that many facts.
        recency = Recency(server.log.end, partitions, server.progress, clock=lambda: len(server.facts))
        server.service = server.build_service(server.progress, 0.0, recency)
        await recency.refresh()
        async with asyncio.timeout(60):
            refreshing = asyncio.ensure_future(refresh_forever(recency))
            reads = asyncio.gather(
                *(list_until_complete(server) for _ in "12"), *(follow_until_complete(server) for _ in "123")
            )
            await write_facts(server)
            assert min(await reads) > 1
            refreshing.cancel()


MANY = 150


async def write_facts(server: HistoryServer) -> None:
    for number in range(1, MANY):
        server.record(f"o-{number}", build_placed("p"))
        await asyncio.sleep(0)
        if number % 3 == 0:
            await server.project()
    await server.project()


async def refresh_forever(recency: Recency) -> None:
    while True:
        await recency.refresh()
        await asyncio.sleep(0)


async def list_until_complete(server: HistoryServer) -> int:
    """List orders until the page has all of them. Return the number of facts that `current_at` guarantees."""
    page, min_count = ListOrdersResponse(), 0
    while len(page.orders) < MANY:
        page = ListOrdersResponse.FromString(
            await server.service.ListOrders(ListOrdersRequest(page_size=1000), EVERYTHING, None)
        )
        assert len(page.orders) >= nanoseconds(page.current_at) >= min_count
        min_count = nanoseconds(page.current_at)
    return min_count


async def follow_until_complete(server: HistoryServer) -> int:
    """Follow the stream until it has sent all orders. Return the number of facts that `current_at` guarantees."""
    sent_count = min_count = 0
    async with open_tail(server, max_events_per_frame=2) as tail:
        while sent_count < MANY:
            frame = await tail.next()
            sent_count, min_count = sent_count + len(frame.events), max(min_count, nanoseconds(frame.current_at))
            assert sent_count >= min_count
    return min_count
