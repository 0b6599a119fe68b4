"""Every answer reports how current it is: it includes the whole log of a moment."""

from pathlib import Path

from tests.history.history_server import HistoryServer, build_placed, serve_history

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
from ordertrail_server.history.recency import Recency
from ordertrail_server.orders.times import nanoseconds

FOR_EVER = 3600.0
SECOND = 1_000_000_000


async def test_every_answer_has_current_at(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p", customer="c"))
        await server.project()
        assert [answer.HasField("current_at") for answer in await answers(server)] == [False] * 4
        await server.recency.refresh()
        assert [nanoseconds(answer.current_at) for answer in await answers(server)] == [server.recency.current_at] * 4


async def test_age_of_unary_answers_is_measured_by_the_servers_clock(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p", customer="c"))
        await server.project()
        now = [100 * SECOND]
        recency = Recency(server.log.end, 1, server.progress, clock=lambda: now[0])
        server.service = server.build_service(server.progress, recency=recency)
        assert [answer.HasField("age") for answer in (await answers(server))[:3]] == [False] * 3
        await recency.refresh()
        now[0] = 103 * SECOND
        assert [answer.age.ToNanoseconds() for answer in (await answers(server))[:3]] == [3 * SECOND] * 3
        now[0] = 99 * SECOND  # the clock was set back
        assert [answer.age.ToNanoseconds() for answer in (await answers(server))[:3]] == [0] * 3


async def answers(
    server: HistoryServer,
) -> tuple[GetOrderResponse, ListOrdersResponse, ListOrderEventsResponse, StreamOrderEventsResponse]:
    """Return one answer of each rpc. Asserts that it has other fields than the time."""
    order = GetOrderResponse.FromString(await server.service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, None))
    orders = ListOrdersResponse.FromString(await server.service.ListOrders(ListOrdersRequest(), EVERYTHING, None))
    request = ListOrderEventsRequest(order_id="o")
    events = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
    [frame] = await server.stream(StreamOrderEventsRequest())
    assert order.order == orders.orders[0] == server.orders["o"]
    assert order.consistency_token == orders.consistency_token == events.consistency_token == frame.resume_token != ""
    assert (list(events.events), frame.caught_up) == (list(frame.events), True)
    return order, orders, events, frame
