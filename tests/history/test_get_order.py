from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time_ns

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    RecordedFact,
    build_confirmed,
    build_line_added,
    build_placed,
    seal_record,
    serve_history,
)
from tests.history.random_history import Step, record_history, steps

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, GetOrderResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.log.position import LogPosition
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.storage.checked.connection import connect_checked_writer


async def get_order(server: HistoryServer, request: GetOrderRequest) -> Order:
    return GetOrderResponse.FromString(await server.service.GetOrder(request, EVERYTHING, 0.05)).order


async def catch_refusal(server: HistoryServer, request: GetOrderRequest) -> Refusal:
    with pytest.raises(Refused) as error:
        await server.service.GetOrder(request, EVERYTHING, 0.05)
    return error.value.refusal


def moment(nanoseconds: int) -> Timestamp:
    return Timestamp(seconds=nanoseconds // SECOND, nanos=nanoseconds % SECOND)


async def test_get_order_returns_the_present_state(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p", customer="c"))
        server.record("o", build_confirmed())
        await server.project()
        assert await get_order(server, GetOrderRequest(order_id="o")) == server.orders["o"]


async def test_consistency_token_of_an_order_is_the_position_of_the_read_model(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        token = server.record("o", build_placed("p"))
        await server.project()
        raw = await server.service.GetOrder(GetOrderRequest(order_id="o"), EVERYTHING, None)
        assert GetOrderResponse.FromString(raw).consistency_token == token


@settings(max_examples=25)
@given(history=steps, partitions=st.sampled_from([1, 3]))
async def test_order_as_of_any_point_is_the_fold_of_its_facts_up_to_it(history: list[Step], partitions: int) -> None:
    with TemporaryDirectory() as directory:
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            for fact in server.facts:
                await assert_every_kind_of_point_leads_to(server, fact)


async def assert_every_kind_of_point_leads_to(server: HistoryServer, fact: RecordedFact) -> None:
    order_id = fact.order.order_id
    assert await get_order(server, GetOrderRequest(order_id=order_id, version=fact.order.version)) == fact.order
    partition, offset = LogPosition.unpack(fact.position)
    token = write_token(server.log.identity, {partition: offset + 1})
    assert await get_order(server, GetOrderRequest(order_id=order_id, token=token)) == fact.order
    state = [h.order for h in server.in_log_order() if h.order.order_id == order_id and h.time <= fact.time][-1]
    assert await get_order(server, GetOrderRequest(order_id=order_id, record_time=moment(fact.time))) == state


async def test_unknown_order_is_not_found(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        refusal = await catch_refusal(server, GetOrderRequest(order_id="o"))
        assert (refusal.reason, refusal.order_id) == (ErrorReason.ERROR_REASON_ORDER_NOT_FOUND, "o")


async def test_order_is_not_found_as_of_a_point_before_its_first_fact(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        earlier = server.record("another", build_placed("p"))
        server.record("o", build_placed("p"), NOON)
        await server.project()
        requests = [
            GetOrderRequest(order_id="o", token=earlier),
            GetOrderRequest(order_id="o", record_time=moment(NOON - 1)),
            GetOrderRequest(order_id="o", record_time=Timestamp(seconds=-62_135_596_800)),
        ]
        for request in requests:
            assert (await catch_refusal(server, request)).reason == ErrorReason.ERROR_REASON_ORDER_NOT_FOUND


async def test_order_as_of_the_present_time_is_the_present_order(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        present = moment(time_ns())
        assert await get_order(server, GetOrderRequest(order_id="o", record_time=present)) == server.orders["o"]


async def test_future_version_is_refused_with_the_present_version(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        refusal = await catch_refusal(server, GetOrderRequest(order_id="o", version=7))
        assert refusal.reason == ErrorReason.ERROR_REASON_ORDER_NOT_FOUND
        assert refusal.facts == {"version": "1"}
        assert "version 1;" in refusal.message


@pytest.mark.parametrize("as_of_request", [GetOrderRequest(order_id="o"), GetOrderRequest(order_id="o", version=1)])
async def test_parked_order_is_refused_with_its_reason(tmp_path: Path, as_of_request: GetOrderRequest) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.record("other", build_placed("p"))
        server.land("o", seal_record("o", 2, b"no such fact's digest"[:16], b""))
        await server.project()
        refusal = await catch_refusal(server, as_of_request)
        assert (refusal.reason, refusal.order_id) == (ErrorReason.ERROR_REASON_ORDER_PARKED, "o")
        assert await get_order(server, GetOrderRequest(order_id="other")) == server.orders["other"]


async def test_get_order_waits_for_its_as_of_token(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        token = server.record("o", build_line_added("q"))
        refusal = await catch_refusal(server, GetOrderRequest(order_id="o", token=token))
        assert refusal.reason == ErrorReason.ERROR_REASON_NOT_FRESH_YET
        await server.project()
        assert await get_order(server, GetOrderRequest(order_id="o", token=token)) == server.orders["o"]


async def test_past_of_an_order_that_is_freed_only_in_orders_is_refused(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        token = server.record("o", build_placed("p"))
        await server.project()
        with closing(connect_checked_writer(server.model.path, "NORMAL")) as writer:
            writer.execute("INSERT INTO parked_orders VALUES ('o', 'it cannot be read', 1)")
        assert await get_order(server, GetOrderRequest(order_id="o")) == server.orders["o"]
        refusal = await catch_refusal(server, GetOrderRequest(order_id="o", token=token))
        assert refusal.reason == ErrorReason.ERROR_REASON_ORDER_PARKED
