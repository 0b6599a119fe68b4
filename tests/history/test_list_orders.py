from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    build_line_added,
    build_placed,
    seal_record,
    serve_history,
)
from tests.history.random_history import CUSTOMERS, PRODUCTS, Step, record_history, steps

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import OrderDeliveryRescheduled, OrderSource
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest, ListOrdersRequest, ListOrdersResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history import order_filter
from ordertrail_server.log.token import PageKey, write_page_token
from ordertrail_server.orders.refusal import Refused

NOON_S = NOON // SECOND
moments = st.none() | st.integers(NOON_S, NOON_S + 20).map(lambda seconds: Timestamp(seconds=seconds))
requests = st.builds(
    ListOrdersRequest,
    customer_id=st.sampled_from(CUSTOMERS),
    statuses=st.lists(st.sampled_from([1, 2, 3]), max_size=2),
    product_id=st.sampled_from(["", *PRODUCTS]),
    source_reference=st.sampled_from(["", "", "1", "2"]),
    created_from=moments,
    created_before=moments,
    page_size=st.integers(1, 8),
)


def matches(order: Order, request: ListOrdersRequest) -> bool:
    created = order.create_time.seconds
    return (
        request.customer_id in ("", order.customer_id)
        and (not request.statuses or order.status in request.statuses)
        and (not request.product_id or request.product_id in [line.product_id for line in order.lines])
        and request.source_reference in ("", order.source.reference)
        and (not request.HasField("created_from") or created >= request.created_from.seconds)
        and (not request.HasField("created_before") or created < request.created_before.seconds)
    )


def select_expected_orders(server: HistoryServer, request: ListOrdersRequest) -> list[Order]:
    orders = [order for order in server.orders.values() if matches(order, request)]
    return sorted(orders, key=lambda o: (o.create_time.seconds, o.create_time.nanos, o.order_id), reverse=True)


async def list_orders(server: HistoryServer, request: ListOrdersRequest) -> ListOrdersResponse:
    return ListOrdersResponse.FromString(await server.service.ListOrders(request, EVERYTHING, None))


async def read_pages(
    server: HistoryServer, request: ListOrdersRequest, between: Callable[[], object] = lambda: None
) -> list[list[Order]]:
    pages, token = [], None
    while token != "":
        page = await list_orders(server, ListOrdersRequest.FromString(request.SerializeToString() + token_field(token)))
        pages.append(list(page.orders))
        token = page.next_page_token
        between()
        await server.project()
    return pages


def token_field(token: str | None) -> bytes:
    return ListOrdersRequest(page_token=token or "").SerializeToString()


@pytest.mark.parametrize("max_sorted", [0, 2, 10_000])
@settings(max_examples=25)
@given(history=steps, request=requests, partitions=st.sampled_from([1, 3]))
async def test_pages_of_any_filter_hold_every_matching_order_once(
    max_sorted: int, history: list[Step], request: ListOrdersRequest, partitions: int
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_filter, "FEW", max_sorted)
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            pages = await read_pages(server, request)
            assert [order for page in pages for order in page] == select_expected_orders(server, request)
            assert all(len(page) == request.page_size for page in pages[:-1])


async def test_orders_placed_while_paging_do_not_repeat_or_hide_an_order(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(10):
            server.record(f"old-{number}", build_placed("p"))
        await server.project()
        first_orders = select_expected_orders(server, ListOrdersRequest())
        request = ListOrdersRequest(page_size=3)
        pages = await read_pages(server, request, lambda: server.record(f"new-{len(server.orders)}", build_placed("p")))
        assert [order for page in pages for order in page] == first_orders


async def test_orders_created_at_the_same_time_are_listed_by_descending_id(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(5):
            server.record(f"o-{number}", build_placed("p"), NOON)
        await server.project()
        pages = await read_pages(server, ListOrdersRequest(page_size=2))
        assert [[order.order_id for order in page] for page in pages] == [["o-4", "o-3"], ["o-2", "o-1"], ["o-0"]]


async def test_page_has_100_orders_by_default_and_at_most_1000(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(1_002):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()
        sizes = [len((await list_orders(server, ListOrdersRequest(page_size=size))).orders) for size in (0, 5_000)]
        assert sizes == [100, 1_000]


async def test_page_of_large_orders_stays_below_the_message_limit_of_clients(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(90):
            large_order = build_placed("p")
            large_order.source.CopyFrom(OrderSource(other_json="x" * 60_000))
            server.record(f"o-{number}", large_order)
        await server.project()
        pages = await read_pages(server, ListOrdersRequest())
        assert [order for page in pages for order in page] == select_expected_orders(server, ListOrdersRequest())
        assert all(sum(order.ByteSize() for order in page) <= 2 * 1024 * 1024 for page in pages)


async def test_order_larger_than_a_page_is_alone_on_its_page(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(2):
            large_order = build_placed("p")
            large_order.source.CopyFrom(OrderSource(other_json="x" * 2_200_000))
            server.record(f"o-{number}", large_order)
        await server.project()
        assert [len(page) for page in await read_pages(server, ListOrdersRequest())] == [1, 1]


@pytest.mark.parametrize(
    ("begin", "end", "order_ids"),
    [
        (None, Date(year=2024, month=2, day=29), []),
        (Date(year=2024, month=2, day=29), Date(year=2024, month=3, day=1), ["o"]),
        (Date(year=2024, month=3, day=1), None, []),
        (Date(year=2023, month=12, day=31), None, ["o"]),
    ],
)
async def test_orders_are_found_by_their_present_delivery_date(
    tmp_path: Path, begin: Date | None, end: Date | None, order_ids: list[str]
) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.record("without a day", build_placed("p"))
        server.record("o", OrderDeliveryRescheduled(expected_delivery_date=Date(year=2024, month=2, day=29)))
        await server.project()
        page = await list_orders(server, ListOrdersRequest(delivery_from=begin, delivery_before=end))
        assert [order.order_id for order in page.orders] == order_ids


@pytest.mark.parametrize("where", ["delivery_from", "delivery_before"])
async def test_day_that_does_not_exist_is_refused(tmp_path: Path, where: str) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        request = ListOrdersRequest()
        getattr(request, where).CopyFrom(Date(year=2023, month=2, day=29))
        with pytest.raises(Refused) as error:
            await list_orders(server, request)
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_INVALID_REQUEST
        assert error.value.refusal.where == where


async def test_parked_order_is_listed_with_its_last_folded_state(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.land("o", seal_record("o", 5, b"no such fact's digest"[:16], b""))
        await server.project()
        assert list((await list_orders(server, ListOrdersRequest())).orders) == [server.orders["o"]]


async def test_order_without_a_folded_fact_is_not_listed(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.land("bare", seal_record("bare", 5, b"no such fact's digest"[:16], b""))
        server.record("o", build_placed("p"))
        await server.project()
        for request in (ListOrdersRequest(), ListOrdersRequest(statuses=OrderStatus.values())):
            assert [order.order_id for order in (await list_orders(server, request)).orders] == ["o"]


async def test_page_token_is_refused_for_other_conditions(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(3):
            server.record(f"o-{number}", build_placed("p", "q"))
        freshness_token = server.record("o-0", build_line_added("r"))
        await server.project()
        token = (await list_orders(server, ListOrdersRequest(product_id="p", page_size=1))).next_page_token
        request = ListOrdersRequest(product_id="p", page_size=2, page_token=token, at_least_as_fresh=[freshness_token])
        assert len((await list_orders(server, request)).orders) == 2
        other_requests = [
            ListOrdersRequest(product_id="q", page_token=token),
            ListOrdersRequest(product_id="p", statuses=[OrderStatus.ORDER_STATUS_PLACED], page_token=token),
            ListOrdersRequest(page_token=token),
        ]
        for other_request in other_requests:
            assert (
                await page_token_refusal(server.service.ListOrders(other_request, EVERYTHING, None))
                == "PAGE_TOKEN_MISMATCH"
            )
        of_events = ListOrderEventsRequest(order_id="o-0", page_token=token)
        assert (
            await page_token_refusal(server.service.ListOrderEvents(of_events, EVERYTHING, None))
            == "PAGE_TOKEN_MISMATCH"
        )


@pytest.mark.parametrize("token", ["x", "ü", write_page_token(b"", PageKey(1))[:-2]])
async def test_damaged_page_token_is_refused(tmp_path: Path, token: str) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        answer = server.service.ListOrders(ListOrdersRequest(page_token=token), EVERYTHING, None)
        assert await page_token_refusal(answer) == "INVALID_TOKEN"


async def page_token_refusal(answer: Awaitable[bytes]) -> str:
    with pytest.raises(Refused) as error:
        await answer
    assert error.value.refusal.where == "page_token"
    return ErrorReason.Name(error.value.refusal.reason).removeprefix("ERROR_REASON_")
