"""Values that are within all bounds, and odd: they come back as they were sent, or are refused by name."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.refusals import refusal_if_any
from tests.e2e.rpcs import RPCS
from tests.e2e.shop import an_order, new_id

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import CancelOrderRequest, PlaceOrderRequest
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, ListOrdersRequest, StreamOrderEventsRequest

TEXTS = (
    "'; DROP TABLE orders; --",
    '"quoted"',
    "%",
    "_",
    "ö\u0308",
    "🙂" * 128,
    "\u202e",
    "\ufeff",
)
ENDS = [
    (s, n)
    for s in (-(1 << 63), -62_135_596_801, -1, 0, 253_402_300_800, (1 << 63) - 1)
    for n in (-(1 << 31), 0, 1 << 30)
]
TIMES = [Timestamp(seconds=seconds, nanos=nanos) for seconds, nanos in ENDS]


@pytest.mark.parametrize("text", TEXTS)
async def test_any_text_is_an_id_and_comes_back_as_it_was(orders: OrderTrail, text: str) -> None:
    order_id, customer = (new_id("odd") + text)[-128:], (new_id("customer") + text)[-128:]
    price = Money(currency_code="EUR", units=1)
    lines = [OrderedLine(product_id=text, quantity=1, unit_price=price)]
    request = PlaceOrderRequest(order_id=order_id, request_id=text, customer_id=customer, lines=lines)
    placed = await orders.send(request)
    receipt = await orders.send(CancelOrderRequest(order_id=order_id, reason=text))
    fresh: Any = {"at_least_as_fresh": [receipt.consistency_token]}
    order = await orders.get(order_id, **fresh)
    assert (order.order_id, order.customer_id, order.lines[0].product_id) == (order_id, customer, text)
    assert [each async for each in orders.list_orders(customer_id=customer, **fresh)] == [order]
    assert order in [each async for each in orders.list_orders(product_id=text, page_size=1000)]
    listed = [event async for event in orders.list_events(order_id=order_id)]
    streamed = [event async for event in orders.stream(customer_id=customer, **fresh)]
    assert [event.order_version for event in listed] == [1, 2]
    assert streamed == listed
    assert listed[1].order_cancelled.reason == text
    assert (await orders.send(request)).digest == placed.digest


@pytest.mark.parametrize("name", ["GetOrder", "ListOrders", "StreamOrderEvents"])
async def test_times_beyond_all_calendars_are_answered_or_refused_by_name(orders: OrderTrail, name: str) -> None:
    order_id = (await orders.send(an_order())).order_id
    for time in TIMES:
        for request in asked_of(name, order_id, time):
            told = await refusal_if_any(RPCS[name].call(orders.channel, request.SerializeToString()))
            assert told is None or told.code.name in ("INVALID_ARGUMENT", "NOT_FOUND"), (request, told)


async def test_a_day_that_the_calendar_lacks_is_refused_by_name(orders: OrderTrail) -> None:
    nowhen = Date(year=2031, month=2, day=29)
    for request in (ListOrdersRequest(delivery_from=nowhen), ListOrdersRequest(delivery_before=nowhen)):
        told = await refusal_if_any(RPCS["ListOrders"].call(orders.channel, request.SerializeToString()))
        assert told is not None
        assert told.code.name == "INVALID_ARGUMENT"
        assert told.fields in (["delivery_from"], ["delivery_before"])


async def test_the_largest_numbers_are_exact(orders: OrderTrail) -> None:
    lines = [
        OrderedLine(product_id="p_1", quantity=1_000_000, unit_price=Money(currency_code="EUR", nanos=999_999_999))
    ]
    placed = await orders.send(PlaceOrderRequest(customer_id="shop-1", lines=lines))
    order = await orders.get(placed.order_id, at_least_as_fresh=[placed.consistency_token])
    assert (order.total_amount.units, order.total_amount.nanos) == (999_999, 999_000_000)
    top = [OrderedLine(product_id="p_1", quantity=1, unit_price=Money(currency_code="EUR", units=1_000_000_000_000))]
    placed = await orders.send(PlaceOrderRequest(customer_id="shop-1", lines=top))
    order = await orders.get(placed.order_id, at_least_as_fresh=[placed.consistency_token])
    assert order.total_amount == Money(currency_code="EUR", units=1_000_000_000_000)


def asked_of(name: str, order_id: str, time: Timestamp) -> list[Any]:
    if name == "GetOrder":
        return [GetOrderRequest(order_id=order_id, record_time=time)]
    if name == "ListOrders":
        return [ListOrdersRequest(created_from=time), ListOrdersRequest(created_before=time)]
    return [
        StreamOrderEventsRequest(order_id=order_id, recorded_from=time),
        StreamOrderEventsRequest(order_id=order_id, recorded_before=time),
    ]
