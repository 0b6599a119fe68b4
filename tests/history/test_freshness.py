import asyncio
from pathlib import Path

import pytest
from tests.history.history_server import HistoryServer, advance_clock, build_confirmed, build_placed, serve_history

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.edge.deadline import WAITING_SHARE
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.position import OFFSETS
from ordertrail_server.log.progress import Progress
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refused

DEADLINE_S = 100.0
INVALID, FOREIGN = ErrorReason.ERROR_REASON_INVALID_TOKEN, ErrorReason.ERROR_REASON_FOREIGN_TOKEN


async def test_read_with_the_token_of_a_receipt_waits_for_the_fact(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        token = server.record("o", build_confirmed())
        request = GetOrderRequest(order_id="o", at_least_as_fresh=[token])
        reading = asyncio.create_task(server.service.GetOrder(request, EVERYTHING, 20.0))
        await asyncio.sleep(0)
        assert not reading.done()
        await server.project()
        assert GetOrderResponse.FromString(await reading).order.version == 2


async def test_server_reads_the_stored_positions_before_the_first_report(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        token = server.record("o", build_placed("p"))
        await server.project()
        service = server.build_service(Progress())
        await service.GetOrder(GetOrderRequest(order_id="o", at_least_as_fresh=[token]), EVERYTHING, 5.0)


async def test_read_that_is_not_fresh_in_time_is_refused_before_the_deadline(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        token = server.record("o", build_placed("p"))
        request = GetOrderRequest(order_id="o", at_least_as_fresh=[token])
        reading = asyncio.ensure_future(server.service.GetOrder(request, EVERYTHING, DEADLINE_S))
        async with asyncio.timeout(DEADLINE_S):
            while not server.progress._waits:  # noqa: ASYNC110 (no event signals it)
                await asyncio.sleep(0)
            advance_clock(WAITING_SHARE * DEADLINE_S)
            with pytest.raises(Refused) as error:
                await reading
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_NOT_FRESH_YET


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
        (write_token(b"L" * 16, {0: OFFSETS}), INVALID),
    ],
)
async def test_token_of_another_log_is_refused_with_the_name_of_its_field(
    tmp_path: Path, token: str, reason: ErrorReason.ValueType
) -> None:
    async with serve_history(tmp_path, identity=b"L" * 16) as server:
        good = server.record("o", build_placed("p"))
        await server.project()
        unary = server.service
        answers = {
            "token": unary.GetOrder(GetOrderRequest(order_id="o", token=token), EVERYTHING, 1.0),
            "at_least_as_fresh[1]": unary.ListOrders(
                ListOrdersRequest(at_least_as_fresh=[good, token]), EVERYTHING, 1.0
            ),
            "at_least_as_fresh[0]": unary.ListOrderEvents(
                ListOrderEventsRequest(order_id="o", at_least_as_fresh=[token]), EVERYTHING, 1.0
            ),
            "resume_token": server.stream(StreamOrderEventsRequest(resume_token=token)),
        }
        for where, answer in answers.items():
            with pytest.raises(Refused) as error:
                await answer
            assert (error.value.refusal.reason, error.value.refusal.where) == (reason, where)


@pytest.mark.trial
async def test_reads_are_unavailable_before_the_read_model_exists(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await assert_unavailable(server)
        server.orders_model.path.touch()
        await assert_unavailable(server)
        server.orders_model.path.unlink()
        server.record("o", build_placed("p"))
        await server.project()
        await server.service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, None)


@pytest.mark.trial
async def test_reads_are_unavailable_if_the_read_model_is_of_another_log(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        server.orders_model.close()
        server.orders_model = ReadModel(server.orders_model.path, Lineage(b"another log's id", 1), server.log.topic)
        server.service = server.build_service(Progress(), ends_at_start=(0,))
        await assert_unavailable(server)


async def test_only_reads_of_the_past_wait_for_the_projection_history(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        history_progress = Progress()
        history_progress.advance({0: 0})
        service = server.build_service(server.progress, history_progress=history_progress)
        assert GetOrderResponse.FromString(
            await service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, 0.02)
        ).order.version
        assert await service.ListOrders(ListOrdersRequest(), EVERYTHING, 0.02)
        for answer in (
            service.GetOrder(GetOrderRequest(order_id="o", version=1), EVERYTHING, 0.02),
            service.ListOrderEvents(ListOrderEventsRequest(order_id="o"), EVERYTHING, 0.02),
        ):
            with pytest.raises(Refused) as error:
                await answer
            assert error.value.refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE


async def assert_unavailable(server: HistoryServer) -> None:
    with pytest.raises(Refused) as error:
        await server.service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, None)
    assert error.value.refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
