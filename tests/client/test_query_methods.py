from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from tests.client.stub_server import AWAY, StubServer

from ordertrail.client import OrderTrail
from ordertrail.errors import NotFound, ServerFault
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    DiffOrdersResponse,
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    ListProductTotalsRequest,
    ListProductTotalsResponse,
    OrderDiff,
    ProductTotal,
)
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_PLACED
from ordertrail.values import day

NOON = datetime(2026, 3, 1, 13, 0, tzinfo=timezone(timedelta(hours=1)))
NOON_STAMP = Timestamp(seconds=int(NOON.timestamp()))


def page(*order_ids: str, token: str = "") -> ListOrdersResponse:
    return ListOrdersResponse(orders=[Order(order_id=order_id) for order_id in order_ids], next_page_token=token)


@pytest.mark.parametrize(
    ("point", "expected_request"),
    [
        ({}, GetOrderRequest(order_id="o-1")),
        ({"version": 2}, GetOrderRequest(order_id="o-1", version=2)),
        ({"record_time": NOON}, GetOrderRequest(order_id="o-1", record_time=NOON_STAMP)),
        ({"token": "t"}, GetOrderRequest(order_id="o-1", token="t")),
        ({"at_least_as_fresh": ["t"]}, GetOrderRequest(order_id="o-1", at_least_as_fresh=["t"])),
        ({"version": None, "token": None}, GetOrderRequest(order_id="o-1")),
    ],
)
async def test_get_sends_the_point_in_time(
    client: OrderTrail, stub_server: StubServer, point: Any, expected_request: GetOrderRequest
) -> None:
    order = await client.get("o-1", **point)
    assert (stub_server.requests, order.order_id) == ([expected_request], "o-1")


async def test_get_refuses_two_points_in_time(client: OrderTrail, stub_server: StubServer) -> None:
    with pytest.raises(TypeError, match="version, token"):
        await client.get("o-1", version=2, token="t")
    assert stub_server.requests == []


async def test_unknown_condition_is_refused(client: OrderTrail) -> None:
    with pytest.raises(TypeError, match="colour"):
        await client.get("o-1", colour="red")  # type: ignore[call-arg]  # as a caller may err


async def test_on_page_is_called_with_current_at_of_each_page(client: OrderTrail, stub_server: StubServer) -> None:
    values = list[Timestamp]()
    stub_server.pages.extend([ListOrdersResponse(next_page_token="2", current_at=NOON_STAMP), ListOrdersResponse()])
    assert [order async for order in client.list_orders(on_page=values.append)] == []
    stub_server.pages.append(ListOrderEventsResponse(current_at=NOON_STAMP))
    assert [event async for event in client.list_events(order_id="o", on_page=values.append)] == []
    assert values == [NOON_STAMP, Timestamp(), NOON_STAMP]


async def test_on_age_is_called_with_the_age_of_each_page_that_has_one(
    client: OrderTrail, stub_server: StubServer
) -> None:
    values = list[timedelta]()
    stub_server.pages.extend([ListOrdersResponse(next_page_token="2", age=Duration(seconds=3)), ListOrdersResponse()])
    assert [order async for order in client.list_orders(on_age=values.append)] == []
    stub_server.pages.append(ListOrderEventsResponse(age=Duration(nanos=500_000_000)))
    assert [event async for event in client.list_events(order_id="o", on_age=values.append)] == []
    assert values == [timedelta(seconds=3), timedelta(seconds=0.5)]


async def test_get_raises_not_found_for_unknown_order(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.append((grpc.StatusCode.NOT_FOUND, "There is no order o-1."))
    with pytest.raises(NotFound, match=r"There is no order o-1\."):
        await client.get("o-1")


async def test_every_page_is_requested_with_the_same_conditions(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.extend([page("o-1", "o-2", token="t1"), page(token="t2"), page("o-3")])
    results = [order.order_id async for order in client.list_orders(customer_id="shop-1", page_size=2)]
    assert results == ["o-1", "o-2", "o-3"]
    first = ListOrdersRequest(customer_id="shop-1", page_size=2)
    assert [request.page_token for request in stub_server.requests] == ["", "t1", "t2"]
    for request in stub_server.requests:
        request.page_token = ""
    assert stub_server.requests == [first] * 3


async def test_page_is_fetched_only_when_needed(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.extend([page("o-1", token="t1"), page("o-2")])
    results = client.list_orders()
    assert (await anext(results)).order_id == "o-1"
    assert len(stub_server.requests) == 1
    await results.aclose()


async def test_page_request_is_retried_while_server_is_unavailable(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.append(page("o-1"))
    stub_server.failures.append(AWAY)
    assert [order.order_id async for order in client.list_orders()] == ["o-1"]
    assert len(stub_server.requests) == 2


async def test_list_orders_sends_all_conditions(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.append(page())
    results = client.list_orders(
        customer_id="shop-1",
        statuses=[ORDER_STATUS_PLACED],
        product_id="p_1",
        source_reference="17",
        created_from=NOON,
        created_before=NOON.astimezone(UTC),
        delivery_from=date(2026, 3, 1),
        delivery_before=date(2026, 4, 1),
        at_least_as_fresh=["t"],
    )
    assert [order async for order in results] == []
    assert stub_server.requests == [
        ListOrdersRequest(
            customer_id="shop-1",
            statuses=[ORDER_STATUS_PLACED],
            product_id="p_1",
            source_reference="17",
            created_from=NOON_STAMP,
            created_before=NOON_STAMP,
            delivery_from=Date(year=2026, month=3, day=1),
            delivery_before=Date(year=2026, month=4, day=1),
            at_least_as_fresh=["t"],
        )
    ]


async def test_list_events_fetches_all_pages(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.extend(
        [
            ListOrderEventsResponse(events=[HistoryEvent(order_version=1)], next_page_token="t1"),
            ListOrderEventsResponse(events=[HistoryEvent(order_version=2)]),
        ]
    )
    results = [event.order_version async for event in client.list_events(order_id="o-1", product_id="p_1")]
    assert results == [1, 2]
    assert stub_server.requests[0] == ListOrderEventsRequest(order_id="o-1", product_id="p_1")


async def test_on_parked_gets_orders_whose_events_are_skipped(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.extend(
        [
            ListOrderEventsResponse(parked_order_ids=["o-1", "o-2"], next_page_token="t1"),
            ListOrderEventsResponse(events=[HistoryEvent(order_version=2)]),
        ]
    )
    values: list[str] = []
    results = [event.order_version async for event in client.list_events(customer_id="c", on_parked=values.extend)]
    assert (results, values) == ([2], ["o-1", "o-2"])


@pytest.mark.parametrize("subject", [{}, {"order_id": "o-1", "customer_id": "shop-1"}])
async def test_list_events_needs_exactly_one_of_order_and_customer(client: OrderTrail, subject: Any) -> None:
    with pytest.raises(TypeError, match=r"order_id(, | or )customer_id"):
        await anext(client.list_events(**subject))


async def test_totals_of_all_pages_are_listed_with_their_age(client: OrderTrail, stub_server: StubServer) -> None:
    totals = [ProductTotal(product_id=product_id, ordered_quantity=3) for product_id in ("apple", "pear")]
    stub_server.pages.append(ListProductTotalsResponse(totals=totals[:1], next_page_token="t", age=Duration(seconds=3)))
    stub_server.pages.append(ListProductTotalsResponse(totals=totals[1:]))
    ages = list[timedelta]()
    first, last = date(2026, 3, 1), date(2026, 4, 1)
    listing = client.list_product_totals(day_from=first, day_before=last, page_size=1, on_age=ages.append)
    assert [total async for total in listing] == totals
    request = ListProductTotalsRequest(day_from=day(first), day_before=day(last), page_size=1)
    assert stub_server.requests[0] == request
    assert ages == [timedelta(seconds=3)]


async def test_as_of_token_of_each_page_is_passed_on(client: OrderTrail, stub_server: StubServer) -> None:
    pages = [ListOrdersResponse(as_of_token="t", next_page_token="n"), ListOrdersResponse(as_of_token="t")]
    stub_server.pages.extend(pages)
    tokens: list[str] = []
    assert not [order async for order in client.list_orders(record_time=NOON, on_as_of_token=tokens.append)]
    assert tokens == ["t", "t"]


async def test_server_that_ignores_the_moment_is_an_error(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.append(page("o-1"))
    with pytest.raises(ServerFault, match="release is older"):
        await anext(client.list_orders(record_time=NOON))


def diff(*versions: int, before: int = 0, after: int = 0) -> OrderDiff:
    return OrderDiff(
        events=[HistoryEvent(order_version=version) for version in versions],
        before=Order(version=before) if before else None,
        after=Order(version=after) if after else None,
    )


async def test_diff_whose_events_come_in_pieces_is_joined(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.extend(
        [
            DiffOrdersResponse(from_token="f", until_token="u", diffs=[diff(1, after=1), diff(3, before=2)]),
            DiffOrdersResponse(diffs=[diff(4)], parked_order_ids=["p"]),
            DiffOrdersResponse(diffs=[diff(5, after=5), diff(7, before=6, after=7)]),
        ]
    )
    parked: list[str] = []
    moments: list[tuple[str, str]] = []
    diffs = client.diff_orders(
        recorded_from=NOON,
        until_token="u",
        on_parked=parked.extend,
        on_moments=lambda first, second: moments.append((first, second)),
    )
    assert [order_diff async for order_diff in diffs] == [
        diff(1, after=1),
        diff(3, 4, 5, before=2, after=5),
        diff(7, before=6, after=7),
    ]
    assert (parked, moments) == (["p"], [("f", "u")])
    assert stub_server.requests == [DiffOrdersRequest(recorded_from=NOON_STAMP, until_token="u")]


@pytest.mark.parametrize("moments", [{}, {"recorded_from": NOON, "from_token": "t"}])
async def test_diff_needs_exactly_one_first_moment(client: OrderTrail, moments: Any) -> None:
    with pytest.raises(TypeError, match="recorded_from"):
        await anext(client.diff_orders(**moments))
