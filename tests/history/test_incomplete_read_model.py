"""While the read model is being built, reads wait or are refused, because it lacks orders that exist."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from tests.history.history_server import HistoryServer, build_confirmed, build_placed, serve_history

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.storage.checked.connection import connect_checked_writer


@pytest.fixture
async def half_built(tmp_path: Path) -> AsyncIterator[HistoryServer]:
    """Provide a server that starts with a read model of one of the log's three records."""
    async with serve_history(tmp_path) as server:
        server.record("first", build_placed("p"))
        await server.project()
        server.record("o", build_placed("p", customer="c"))
        server.record("o", build_confirmed())
        server.service = server.build_service(server.progress)
        yield server


def call_every_rpc(server: HistoryServer, time_remaining: float) -> list[Coroutine[Any, Any, bytes]]:
    service = server.service
    return [
        service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, time_remaining),
        service.ListOrders(ListOrdersRequest(), EVERYTHING, time_remaining),
        service.ListOrderEvents(ListOrderEventsRequest(order_id="o"), EVERYTHING, time_remaining),
        first_frame(server, StreamOrderEventsRequest(), time_remaining),
    ]


async def first_frame(server: HistoryServer, request: StreamOrderEventsRequest, time_remaining: float) -> bytes:
    async with aclosing(server.service.StreamOrderEvents(request, EVERYTHING, time_remaining)) as frames:
        return await anext(frames)


async def catch_refusal(answer: Awaitable[bytes]) -> Refusal:
    with pytest.raises(Refused) as error:
        await answer
    return error.value.refusal


async def test_reads_of_an_incomplete_read_model_are_refused_with_its_progress(half_built: HistoryServer) -> None:
    for answer in call_every_rpc(half_built, 0.02):
        refusal = await catch_refusal(answer)
        assert refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
        assert refusal.message == "The read model is being built: it holds 1 of 3 records."


async def test_reads_wait_within_their_deadline_for_a_complete_read_model(half_built: HistoryServer) -> None:
    reading = [asyncio.create_task(answer) for answer in call_every_rpc(half_built, 20.0)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in reading)
    await half_built.project()
    order, orders, events, frame = await asyncio.gather(*reading)
    assert GetOrderResponse.FromString(order).order.version == 2
    assert len(ListOrdersResponse.FromString(orders).orders) == 2
    assert len(ListOrderEventsResponse.FromString(events).events) == 2
    assert len(StreamOrderEventsResponse.FromString(frame).events) == 3


async def test_reads_wait_for_a_read_model_that_does_not_exist_yet(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.service = server.build_service(server.progress)
        reading = asyncio.create_task(server.service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, 20.0))
        refusal = await catch_refusal(server.service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, 0.02))
        assert refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
        assert refusal.message == "The read model is being built: it holds 0 of 1 records."
        await server.project()
        assert GetOrderResponse.FromString(await reading).order.version == 1


async def test_reads_are_answered_while_a_complete_read_model_lags(half_built: HistoryServer) -> None:
    await half_built.project()
    token = half_built.record("later", build_placed("p"))
    assert all(await asyncio.gather(*call_every_rpc(half_built, 0.5)))
    request = GetOrderRequest(order_id="o", at_least_as_fresh=[token])
    refusal = await catch_refusal(half_built.service.GetOrder(request, EVERYTHING, 0.02))
    assert refusal.reason == ErrorReason.ERROR_REASON_NOT_FRESH_YET


async def test_health_reports_serving_when_the_read_model_is_complete(half_built: HistoryServer) -> None:
    completion = asyncio.create_task(half_built.service.wait_complete())
    await asyncio.sleep(0)
    assert not completion.done()
    await half_built.project()
    async with asyncio.timeout(10):
        await completion


async def test_health_for_empty_log_reports_serving_when_read_model_exists(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        completion = asyncio.create_task(server.service.wait_complete())
        await asyncio.sleep(0)
        assert not completion.done()
        await server.project()
        async with asyncio.timeout(10):
            await completion


@pytest.mark.parametrize("file_state", ["nothing", "a file without tables"])
async def test_reads_of_an_empty_log_wait_for_a_complete_read_model(
    tmp_path: Path, file_state: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_history(tmp_path) as server:
        if file_state == "a file without tables":
            connect_checked_writer(server.orders_model.path).close()
        reading = [asyncio.create_task(answer) for answer in call_every_rpc(server, 20.0)]
        for answer in call_every_rpc(server, 0.02):
            refusal = await catch_refusal(answer)
            assert refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
            assert refusal.message == "The read model does not exist yet."
        assert not any(task.done() for task in reading)
        await server.project()
        order, *answers = await asyncio.gather(*reading, return_exceptions=True)
        assert isinstance(order, Refused)
        assert order.refusal.reason == ErrorReason.ERROR_REASON_ORDER_NOT_FOUND
        assert all(isinstance(answer, bytes) for answer in answers)
    assert caplog.records == []
