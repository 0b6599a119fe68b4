"""No answer lacks what its time promises, while reads and writes run side by side."""

import asyncio
from pathlib import Path

import pytest
from tests.history.history_server import HistoryServer, placed, serve_history
from tests.history.streaming.tail import open_tail

from ordertrail.v1.order_history_service_pb2 import (
    ListOrdersRequest,
    ListOrdersResponse,
)
from ordertrail_server.history.recency import Recency
from ordertrail_server.orders.times import nanoseconds

FOR_EVER = 3600.0
SECOND = 1_000_000_000


@pytest.mark.parametrize("partitions", [1, 3])
async def test_no_answer_lacks_a_fact_from_before_its_current_at(tmp_path: Path, partitions: int) -> None:
    async with serve_history(tmp_path, partitions) as server:
        server.record("o-0", placed("p"))
        await server.project()
        # The clock counts the facts that the log holds, so a time is a promise of so many.
        recency = Recency(server.log.end, partitions, server.progress, clock=lambda: len(server.facts))
        server.service = server.build_service(server.progress, 0.0, recency)
        await recency.refresh()
        async with asyncio.timeout(60):
            looking = asyncio.ensure_future(look_on(recency))
            reads = asyncio.gather(*(read_on(server) for _ in "12"), *(follow_on(server) for _ in "123"))
            await write_on(server)
            assert min(await reads) > 1
            looking.cancel()


MANY = 150


async def write_on(server: HistoryServer) -> None:
    for number in range(1, MANY):
        server.record(f"o-{number}", placed("p"))
        await asyncio.sleep(0)
        if number % 3 == 0:
            await server.project()
    await server.project()


async def look_on(recency: Recency) -> None:
    while True:
        await recency.refresh()
        await asyncio.sleep(0)


async def read_on(server: HistoryServer) -> int:
    """List all orders until the last is there; return how many were promised."""
    found, promised = ListOrdersResponse(), 0
    while len(found.orders) < MANY:
        found = ListOrdersResponse.FromString(await server.service.ListOrders(ListOrdersRequest(page_size=1000), None))
        assert len(found.orders) >= nanoseconds(found.current_at) >= promised
        promised = nanoseconds(found.current_at)
    return promised


async def follow_on(server: HistoryServer) -> int:
    """Follow all orders until the last has come, now and then behind; return how many were promised."""
    sent = promised = 0
    async with open_tail(server, max_events_per_frame=2) as tail:
        while sent < MANY:
            frame = await tail.next()
            sent, promised = sent + len(frame.events), max(promised, nanoseconds(frame.current_at))
            assert sent >= promised
    return promised
