"""A query that visits many rows is ended after its time, and keeps no other call waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.history.history_server import HistoryServer, build_placed, serve_history

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_PLACED
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_PLACED
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.read_model import SEARCHERS, Connection
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.catalog import HISTORY, ORDERS

HOUR_S = 3600.0


def visit_rows_for_ever(connection: Connection) -> None:
    connection.execute("WITH RECURSIVE row (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row) SELECT max(n) FROM row")


@asynccontextmanager
async def keep_searchers_busy(server: HistoryServer, count: int) -> AsyncIterator[None]:
    """Run so many endless searches in each projection, for the time of the block."""
    models = (server.orders_model, server.model)
    searches = [asyncio.create_task(model.search(visit_rows_for_ever)) for model in models for _ in range(count)]
    try:
        yield
    finally:
        for search in searches:
            search.cancel()
        await asyncio.gather(*searches, return_exceptions=True)


@asynccontextmanager
async def serve_without_time_limit(directory: Path) -> AsyncIterator[HistoryServer]:
    """A server with one order, whose searches may take an hour."""
    async with serve_history(directory) as server:
        server.close()
        server.orders_model, server.model = (server.open_model(name, HOUR_S) for name in (ORDERS, HISTORY))
        server.service = server.build_service(server.progress)
        server.record("order-1", build_placed("apple", customer="shop-1"))
        await server.project()
        yield server


async def test_search_ends_after_its_time_limit_with_a_typed_error(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        model = server.open_model(HISTORY, search_seconds=0.01)
        with pytest.raises(Refused) as error:
            await model.search(visit_rows_for_ever)
        model.close()
    assert ErrorReason.Name(error.value.refusal.reason) == "ERROR_REASON_QUERY_TIME_LIMIT"
    assert "0.01 seconds" in error.value.refusal.message


async def test_short_reads_and_streams_do_not_wait_for_searches(tmp_path: Path) -> None:
    async with (
        serve_without_time_limit(tmp_path) as server,
        keep_searchers_busy(server, 2 * SEARCHERS),
        asyncio.timeout(30),
    ):
        assert await server.service.GetOrder(GetOrderRequest(order_id="order-1"), EVERYTHING, None)
        assert await server.service.ListOrders(ListOrdersRequest(customer_id="shop-1"), EVERYTHING, None)
        assert await server.service.ListOrderEvents(ListOrderEventsRequest(order_id="order-1"), EVERYTHING, None)
        assert len(await server.stream(StreamOrderEventsRequest(product_id="apple"))) > 0


@pytest.mark.parametrize(
    "request_of_many_rows",
    [
        ListOrdersRequest(statuses=[ORDER_STATUS_PLACED]),
        ListOrdersRequest(product_id="apple"),
        ListOrdersRequest(customer_id="shop-1", delivery_from=Date(year=2027, month=1, day=1)),
        ListOrderEventsRequest(customer_id="shop-1", product_id="apple"),
        ListOrderEventsRequest(order_id="order-1", event_types=[ORDER_EVENT_TYPE_ORDER_PLACED]),
    ],
    ids=["status", "product", "delivery date", "events of a customer by product", "events of an order by type"],
)
async def test_queries_that_may_visit_many_rows_are_searches(
    tmp_path: Path, request_of_many_rows: ListOrdersRequest | ListOrderEventsRequest
) -> None:
    async with serve_without_time_limit(tmp_path) as server:
        rpc = type(request_of_many_rows).__name__.removesuffix("Request")
        async with keep_searchers_busy(server, SEARCHERS), asyncio.timeout(30):
            query = asyncio.create_task(getattr(server.service, rpc)(request_of_many_rows, EVERYTHING, None))
            for _ in range(20):
                await server.service.GetOrder(GetOrderRequest(order_id="order-1"), EVERYTHING, None)
            assert not query.done()
        async with asyncio.timeout(30):
            assert await query


async def test_search_ends_when_its_caller_disconnects(tmp_path: Path) -> None:
    async with serve_without_time_limit(tmp_path) as server:
        async with keep_searchers_busy(server, 2 * SEARCHERS):
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            assert await server.model.search(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
