from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from tests.client.stand_in import AWAY, StandIn

from ordertrail.client import OrderTrail
from ordertrail.errors import NotFound
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
)
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_PLACED

NOON = datetime(2026, 3, 1, 13, 0, tzinfo=timezone(timedelta(hours=1)))
NOON_STAMP = Timestamp(seconds=int(NOON.timestamp()))


def page(*order_ids: str, token: str = "") -> ListOrdersResponse:
    return ListOrdersResponse(orders=[Order(order_id=order_id) for order_id in order_ids], next_page_token=token)


@pytest.mark.parametrize(
    ("point", "asked"),
    [
        ({}, GetOrderRequest(order_id="o-1")),
        ({"version": 2}, GetOrderRequest(order_id="o-1", version=2)),
        ({"record_time": NOON}, GetOrderRequest(order_id="o-1", record_time=NOON_STAMP)),
        ({"token": "t"}, GetOrderRequest(order_id="o-1", token="t")),
        ({"at_least_as_fresh": ["t"]}, GetOrderRequest(order_id="o-1", at_least_as_fresh=["t"])),
        ({"version": None, "token": None}, GetOrderRequest(order_id="o-1")),
    ],
)
async def test_an_order_is_asked_for_as_of_a_point(
    client: OrderTrail, stand_in: StandIn, point: Any, asked: GetOrderRequest
) -> None:
    order = await client.get("o-1", **point)
    assert (stand_in.seen, order.order_id) == ([asked], "o-1")


async def test_an_order_cannot_be_asked_for_as_of_two_points(client: OrderTrail, stand_in: StandIn) -> None:
    with pytest.raises(TypeError, match="version, token"):
        await client.get("o-1", version=2, token="t")
    assert stand_in.seen == []


async def test_a_condition_that_does_not_exist_is_refused(client: OrderTrail) -> None:
    with pytest.raises(TypeError, match="colour"):
        await client.get("o-1", colour="red")  # type: ignore[call-arg]


async def test_each_page_tells_until_when_it_includes_the_log(client: OrderTrail, stand_in: StandIn) -> None:
    told = list[Timestamp]()
    stand_in.pages.extend([ListOrdersResponse(next_page_token="2", current_at=NOON_STAMP), ListOrdersResponse()])
    assert [order async for order in client.list_orders(on_page=told.append)] == []
    stand_in.pages.append(ListOrderEventsResponse(current_at=NOON_STAMP))
    assert [event async for event in client.list_events(order_id="o", on_page=told.append)] == []
    assert told == [NOON_STAMP, Timestamp(), NOON_STAMP]


async def test_each_page_tells_how_old_it_is_if_the_server_knows(client: OrderTrail, stand_in: StandIn) -> None:
    told = list[timedelta]()
    stand_in.pages.extend([ListOrdersResponse(next_page_token="2", age=Duration(seconds=3)), ListOrdersResponse()])
    assert [order async for order in client.list_orders(on_age=told.append)] == []
    stand_in.pages.append(ListOrderEventsResponse(age=Duration(nanos=500_000_000)))
    assert [event async for event in client.list_events(order_id="o", on_age=told.append)] == []
    assert told == [timedelta(seconds=3), timedelta(seconds=0.5)]


async def test_an_unknown_order_is_not_found(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.failures.append((grpc.StatusCode.NOT_FOUND, "There is no order o-1."))
    with pytest.raises(NotFound, match=r"There is no order o-1\."):
        await client.get("o-1")


async def test_pages_follow_one_another_under_the_same_conditions(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.pages.extend([page("o-1", "o-2", token="t1"), page(token="t2"), page("o-3")])
    found = [order.order_id async for order in client.list_orders(customer_id="shop-1", page_size=2)]
    assert found == ["o-1", "o-2", "o-3"]
    first = ListOrdersRequest(customer_id="shop-1", page_size=2)
    assert [request.page_token for request in stand_in.seen] == ["", "t1", "t2"]
    for request in stand_in.seen:
        request.page_token = ""
    assert stand_in.seen == [first] * 3


async def test_a_page_is_fetched_only_when_it_is_needed(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.pages.extend([page("o-1", token="t1"), page("o-2")])
    found = client.list_orders()
    assert (await anext(found)).order_id == "o-1"
    assert len(stand_in.seen) == 1
    await found.aclose()


async def test_a_page_is_asked_for_again_while_the_server_is_away(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.pages.append(page("o-1"))
    stand_in.failures.append(AWAY)
    assert [order.order_id async for order in client.list_orders()] == ["o-1"]
    assert len(stand_in.seen) == 2


async def test_all_conditions_on_orders_are_passed_on(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.pages.append(page())
    found = client.list_orders(
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
    assert [order async for order in found] == []
    assert stand_in.seen == [
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


async def test_events_of_an_order_come_page_by_page(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.pages.extend(
        [
            ListOrderEventsResponse(events=[HistoryEvent(order_version=1)], next_page_token="t1"),
            ListOrderEventsResponse(events=[HistoryEvent(order_version=2)]),
        ]
    )
    found = [event.order_version async for event in client.list_events(order_id="o-1", product_id="p_1")]
    assert found == [1, 2]
    assert stand_in.seen[0] == ListOrderEventsRequest(order_id="o-1", product_id="p_1")


async def test_parked_orders_whose_events_are_not_on_a_page_are_told(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.pages.extend(
        [
            ListOrderEventsResponse(parked_order_ids=["o-1", "o-2"], next_page_token="t1"),
            ListOrderEventsResponse(events=[HistoryEvent(order_version=2)]),
        ]
    )
    told: list[str] = []
    found = [event.order_version async for event in client.list_events(customer_id="c", on_parked=told.extend)]
    assert (found, told) == ([2], ["o-1", "o-2"])


@pytest.mark.parametrize("whose", [{}, {"order_id": "o-1", "customer_id": "shop-1"}])
async def test_events_are_those_of_one_order_or_of_one_customer(client: OrderTrail, whose: Any) -> None:
    with pytest.raises(TypeError, match="order_id, customer_id"):
        await anext(client.list_events(**whose))
