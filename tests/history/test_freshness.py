import asyncio
from pathlib import Path

import pytest
from tests.history.shop import Shop, confirmed, later, placed, shop_in

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)
from ordertrail_server.edge.deadline import WAITING_SHARE
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refused

DEADLINE_S = 100.0
INVALID, FOREIGN = ErrorReason.ERROR_REASON_INVALID_TOKEN, ErrorReason.ERROR_REASON_FOREIGN_TOKEN


async def test_a_read_with_a_receipts_token_waits_for_the_fact(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        token = shop.record("o", confirmed())
        request = GetOrderRequest(order_id="o", at_least_as_fresh=[token])
        reading = asyncio.create_task(shop.service.GetOrder(request, 20.0))
        await asyncio.sleep(0)
        assert not reading.done()
        await shop.project()
        assert GetOrderResponse.FromString(await reading).order.version == 2


async def test_a_server_that_was_told_no_progress_yet_asks_the_read_model(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        token = shop.record("o", placed("p"))
        await shop.project()
        untold = shop.served(Progress())
        await untold.GetOrder(GetOrderRequest(order_id="o", at_least_as_fresh=[token]), 5.0)


async def test_what_does_not_come_in_time_is_refused_before_the_deadline(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await shop.project()
        token = shop.record("o", placed("p"))
        request = GetOrderRequest(order_id="o", at_least_as_fresh=[token])
        asking = asyncio.ensure_future(shop.service.GetOrder(request, DEADLINE_S))
        async with asyncio.timeout(DEADLINE_S):
            while not shop.progress._waiting:  # noqa: ASYNC110 (what waits there tells nobody)
                await asyncio.sleep(0)
            later(WAITING_SHARE * DEADLINE_S)
            with pytest.raises(Refused) as refused:
                await asking
        assert refused.value.refusal.reason == ErrorReason.ERROR_REASON_NOT_FRESH_YET


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", INVALID),
        ("nonsense", INVALID),
        ("ünsinn", INVALID),
        (write_token(b"another log's id", {0: 1}), FOREIGN),
        (write_token(b"L" * 16, {1: 1}), INVALID),
        (write_token(b"L" * 16, {-1: 1}), INVALID),
        (write_token(b"L" * 16, {0: -1}), INVALID),
        (write_token(b"L" * 16, {0: 1 << 48}), INVALID),
    ],
)
async def test_a_token_that_is_none_of_this_log_is_refused_by_field(
    tmp_path: Path, token: str, reason: ErrorReason.ValueType
) -> None:
    async with shop_in(tmp_path, identity=b"L" * 16) as shop:
        good = shop.record("o", placed("p"))
        await shop.project()
        unary = shop.service
        asked = {
            "token": unary.GetOrder(GetOrderRequest(order_id="o", token=token), 1.0),
            "at_least_as_fresh[1]": unary.ListOrders(ListOrdersRequest(at_least_as_fresh=[good, token]), 1.0),
            "at_least_as_fresh[0]": unary.ListOrderEvents(
                ListOrderEventsRequest(order_id="o", at_least_as_fresh=[token]), 1.0
            ),
            "resume_token": shop.stream(StreamOrderEventsRequest(resume_token=token)),
        }
        for where, answer in asked.items():
            with pytest.raises(Refused) as refused:
                await answer
            assert (refused.value.refusal.reason, refused.value.refusal.where) == (reason, where)


async def test_a_read_model_that_is_not_begun_yet_is_unavailable(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await assert_unavailable(shop)
        shop.path.touch()
        await assert_unavailable(shop)
        shop.path.unlink()
        shop.record("o", placed("p"))
        await shop.project()
        await shop.service.GetOrder(GetOrderRequest(order_id="o"), None)


async def test_a_read_model_of_another_log_is_never_answered_from(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        other = ReadModel(shop.path, b"another log's id", shop.log.topic, 1)
        progress = Progress()
        freshness = Freshness(other, progress, shop.log, (0,))
        service = HistoryService(other, progress, freshness, shop.recency)
        with pytest.raises(Refused) as refused:
            await service.GetOrder(GetOrderRequest(order_id="o"), None)
        assert refused.value.refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
        other.close()


async def assert_unavailable(shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        await shop.service.GetOrder(GetOrderRequest(order_id="o"), None)
    assert refused.value.refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
