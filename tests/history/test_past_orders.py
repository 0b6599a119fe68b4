from collections.abc import Callable
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
    build_line_removed,
    build_placed,
    seal_record,
    serve_history,
)
from tests.history.random_history import Step, record_history, steps
from tests.history.test_list_orders import list_orders, matches, requests

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import OrderSource
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, GetOrderResponse, ListOrdersRequest
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_CONFIRMED, ORDER_STATUS_PLACED
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history import order_filter
from ordertrail_server.log.position import LogPosition
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.orders.times import moment

Includes = Callable[[RecordedFact], bool]


def select_orders_then(server: HistoryServer, request: ListOrdersRequest, includes: Includes) -> list[Order]:
    orders = {fact.order.order_id: fact.order for fact in server.in_log_order() if includes(fact)}
    matching = [order for order in orders.values() if matches(order, request)]
    return sorted(matching, key=lambda o: (o.create_time.seconds, o.create_time.nanos, o.order_id), reverse=True)


async def read_all(
    server: HistoryServer, request: ListOrdersRequest, between: Callable[[], object] = lambda: None
) -> list[Order]:
    orders: list[Order] = []
    request = ListOrdersRequest.FromString(request.SerializeToString())
    while True:
        page = await list_orders(server, request)
        orders += page.orders
        if not page.next_page_token:
            return orders
        assert len(page.orders) == (request.page_size or len(page.orders))
        assert page.ByteSize() < 2_200_000
        request.page_token = page.next_page_token
        between()
        await server.project()


@pytest.mark.parametrize("max_sorted", [0, 10_000])
@settings(max_examples=25)
@given(history=steps, request=requests, second=st.integers(-1, 21), partitions=st.sampled_from([1, 3]))
async def test_orders_as_of_a_time_are_those_of_the_facts_up_to_it(
    max_sorted: int, history: list[Step], request: ListOrdersRequest, second: int, partitions: int
) -> None:
    time = NOON + second * SECOND
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_filter, "FEW", max_sorted)
        async with serve_history(Path(directory), partitions, has_timeline=True) as server:
            record_history(server, history)
            await server.project()
            request.record_time.CopyFrom(moment(time))
            expected = select_orders_then(server, request, lambda fact: fact.time <= time)
            assert await read_all(server, request) == expected


@settings(max_examples=25)
@given(history=steps, request=requests, facts=st.integers(0, 40), partitions=st.sampled_from([1, 3]))
async def test_orders_as_of_a_token_are_those_of_the_facts_before_it(
    history: list[Step], request: ListOrdersRequest, facts: int, partitions: int
) -> None:
    with TemporaryDirectory() as directory:
        async with serve_history(Path(directory), partitions, has_timeline=True) as server:
            record_history(server, history[:facts])
            offsets = dict(enumerate(map(len, server.log.records)))
            request.token = write_token(server.log.identity, offsets)
            record_history(server, history[facts:])
            await server.project()

            def is_before(fact: RecordedFact) -> bool:
                partition, offset = LogPosition.unpack(fact.position)
                return offset < offsets[partition]

            assert await read_all(server, request) == select_orders_then(server, request, is_before)


async def test_order_is_the_one_that_get_order_returns_for_the_same_time(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        for second in range(60):
            server.record("o", build_line_added(f"p{second}") if second else build_placed("q"), NOON + second * SECOND)
        await server.project()
        for second in (0, 15, 16, 17, 40, 59):
            time = moment(NOON + second * SECOND)
            answer = await server.service.GetOrder(GetOrderRequest(order_id="o", record_time=time), EVERYTHING, None)
            [listed] = (await list_orders(server, ListOrdersRequest(record_time=time))).orders
            assert GetOrderResponse.FromString(answer).order == listed
            assert listed.version == second + 1


async def test_version_is_valid_from_its_time_until_before_the_next_one(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        server.record("o", build_placed("p"), NOON)
        server.record("o", build_confirmed(), NOON + SECOND)
        await server.project()
        for nanoseconds, statuses in (
            (-1, []),
            (0, [ORDER_STATUS_PLACED]),
            (SECOND - 1, [ORDER_STATUS_PLACED]),
            (SECOND, [ORDER_STATUS_CONFIRMED]),
        ):
            page = await list_orders(server, ListOrdersRequest(record_time=moment(NOON + nanoseconds)))
            assert [order.status for order in page.orders] == statuses


async def test_conditions_apply_to_the_orders_as_they_were(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        server.record("o", build_placed("p", "q"), NOON)
        server.record("o", build_line_removed("p"), NOON + SECOND)
        server.record("o", build_confirmed(), NOON + 2 * SECOND)
        await server.project()
        for second, conditions, is_listed in (
            (0, ListOrdersRequest(product_id="p"), True),
            (1, ListOrdersRequest(product_id="p"), False),
            (1, ListOrdersRequest(statuses=[ORDER_STATUS_PLACED]), True),
            (2, ListOrdersRequest(statuses=[ORDER_STATUS_PLACED]), False),
        ):
            conditions.record_time.CopyFrom(moment(NOON + second * SECOND))
            assert bool((await list_orders(server, conditions)).orders) == is_listed


async def test_fact_that_arrives_late_shifts_no_later_page(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        for number in range(9):
            server.record(f"o-{number}", build_placed("p"), NOON + number * SECOND)
        await server.project()
        request = ListOrdersRequest(record_time=moment(NOON + 60 * SECOND), page_size=2)
        orders = await read_all(
            server, request, lambda: server.record(f"late-{len(server.facts)}", build_placed("p"), NOON + SECOND)
        )
        assert [order.order_id for order in orders] == [f"o-{number}" for number in reversed(range(9))]


async def test_as_of_token_repeats_the_answer_and_the_time_alone_includes_late_facts(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        server.record("o", build_placed("p"), NOON)
        await server.project()
        request = ListOrdersRequest(record_time=moment(NOON + SECOND))
        token = (await list_orders(server, request)).as_of_token
        server.record("o", build_confirmed(), NOON + SECOND)
        server.record("o", build_line_added("q"), NOON + 2 * SECOND)
        await server.project()
        repeated = await list_orders(server, ListOrdersRequest(token=token))
        assert [order.version for order in repeated.orders] == [1]
        assert repeated.as_of_token == token
        assert [order.version for order in (await list_orders(server, request)).orders] == [2]
        answer = await server.service.GetOrder(GetOrderRequest(order_id="o", token=token), EVERYTHING, None)
        assert GetOrderResponse.FromString(answer).order.version == 1


async def test_token_of_a_time_excludes_later_facts_that_its_offsets_include(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        server.record("o", build_placed("p"), NOON)
        server.record("o", build_confirmed(), NOON + SECOND)
        await server.project()
        token = (await list_orders(server, ListOrdersRequest(record_time=moment(NOON)))).as_of_token
        answer = await server.service.GetOrder(GetOrderRequest(order_id="o", token=token), EVERYTHING, None)
        assert GetOrderResponse.FromString(answer).order.version == 1


@pytest.mark.parametrize("lists", [True, False])
async def test_time_in_the_future_is_refused_with_the_time_of_the_server(tmp_path: Path, lists: bool) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        server.record("o", build_placed("p"))
        await server.project()
        before, future = time_ns(), moment(time_ns() + 3_600 * SECOND)
        if lists:
            answer = server.service.ListOrders(ListOrdersRequest(record_time=future), EVERYTHING, None)
        else:
            answer = server.service.GetOrder(GetOrderRequest(order_id="o", record_time=future), EVERYTHING, None)
        with pytest.raises(Refused) as error:
            await answer
        refusal = error.value.refusal
        assert (refusal.reason, refusal.where) == (ErrorReason.ERROR_REASON_FUTURE_TIME, "record_time")
        server_time = Timestamp()
        server_time.FromJsonString(refusal.facts["server_time"])
        assert before <= server_time.ToNanoseconds() <= time_ns()


async def test_listing_as_of_now_includes_a_fact_that_is_not_projected_yet(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        await server.project()
        server.record("o", build_placed("p"), time_ns())
        with pytest.raises(Refused) as error:
            await server.service.ListOrders(ListOrdersRequest(record_time=moment(time_ns())), EVERYTHING, 0.1)
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_NOT_FRESH_YET
        await server.project()
        page = await list_orders(server, ListOrdersRequest(record_time=moment(time_ns())))
        assert [order.order_id for order in page.orders] == ["o"]


async def test_page_of_large_orders_stays_below_the_message_limit_of_clients(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        for number in range(90):
            large_order = build_placed("p")
            large_order.source.CopyFrom(OrderSource(other_json="x" * 60_000))
            server.record(f"o-{number}", large_order)
        await server.project()
        request = ListOrdersRequest(record_time=moment(time_ns()))
        assert await read_all(server, request) == select_orders_then(server, request, lambda _: True)


async def test_parked_order_is_listed_with_its_state_at_the_time(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        server.record("o", build_placed("p"), NOON)
        server.record("o", build_confirmed(), NOON + SECOND)
        server.land("o", seal_record("o", 5, b"no such fact's digest"[:16], b""))
        await server.project()
        for second, version in ((0, 1), (9, 2)):
            page = await list_orders(server, ListOrdersRequest(record_time=moment(NOON + second * SECOND)))
            assert [order.version for order in page.orders] == [version]


async def test_page_token_of_a_moment_is_refused_for_another_moment(tmp_path: Path) -> None:
    async with serve_history(tmp_path, has_timeline=True) as server:
        for number in range(3):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()
        request = ListOrdersRequest(record_time=moment(time_ns()), page_size=1)
        token = (await list_orders(server, request)).next_page_token
        for other_request in (
            ListOrdersRequest(page_token=token),
            ListOrdersRequest(page_token=token, record_time=moment(NOON)),
        ):
            with pytest.raises(Refused) as error:
                await list_orders(server, other_request)
            assert error.value.refusal.reason == ErrorReason.ERROR_REASON_PAGE_TOKEN_MISMATCH


async def test_server_without_a_timeline_refuses_to_list_the_past(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        with pytest.raises(Refused) as error:
            await list_orders(server, ListOrdersRequest(record_time=moment(NOON)))
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_TIMELINE_OFF
