"""Unusual values within all bounds are returned unchanged, or refused with their field."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.logs import Embedded, LogOfServer
from tests.e2e.refusals import catch_refusal_if_any
from tests.e2e.rpcs import RPCS
from tests.e2e.sample_orders import build_order, new_id

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import CancelOrderRequest, PlaceOrderRequest
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    GetOrderRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)

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
EXTREMES = [
    (s, n)
    for s in (-(1 << 63), -62_135_596_801, -1, 0, 253_402_300_800, (1 << 63) - 1)
    for n in (-(1 << 31), 0, 1 << 30)
]
EXPECTED_CODES = ("INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE")
TIMES = [Timestamp(seconds=seconds, nanos=nanos) for seconds, nanos in EXTREMES]


@pytest.fixture(scope="module")
def log() -> LogOfServer:
    """The embedded log alone: what these tests check happens before a log is used, or after."""
    return Embedded()


@pytest.mark.parametrize("text", TEXTS)
async def test_unusual_text_is_accepted_as_id_and_returned_unchanged(orders: OrderTrail, text: str) -> None:
    order_id, customer = (new_id("odd") + text)[-128:], (new_id("customer") + text)[-128:]
    price = Money(currency_code="EUR", units=1)
    lines = [OrderedLine(product_id=text, quantity=1, unit_price=price)]
    request = PlaceOrderRequest(order_id=order_id, request_id=text, customer_id=customer, lines=lines)
    first_receipt = await orders.send(request)
    receipt = await orders.send(CancelOrderRequest(order_id=order_id, reason=text))
    fresh: Any = {"at_least_as_fresh": [receipt.consistency_token]}
    order = await orders.get(order_id, **fresh)
    assert (order.order_id, order.customer_id, order.lines[0].product_id) == (order_id, customer, text)
    assert [listed_order async for listed_order in orders.list_orders(customer_id=customer, **fresh)] == [order]
    assert order in [listed_order async for listed_order in orders.list_orders(product_id=text, page_size=1000)]
    listed_events = [event async for event in orders.list_events(order_id=order_id)]
    streamed_events = [event async for event in orders.stream(customer_id=customer, **fresh)]
    assert [event.order_version for event in listed_events] == [1, 2]
    assert streamed_events == listed_events
    assert listed_events[1].order_cancelled.reason == text
    assert (await orders.send(request)).digest == first_receipt.digest


@pytest.mark.parametrize("name", ["GetOrder", "ListOrders", "DiffOrders", "StreamOrderEvents"])
async def test_extreme_times_are_answered_or_refused(orders: OrderTrail, name: str) -> None:
    order_id = (await orders.send(build_order())).order_id
    for time in TIMES:
        for request in requests_with_time(name, order_id, time):
            call_refusal = await catch_refusal_if_any(RPCS[name].call(orders.channel, request.SerializeToString()))
            assert call_refusal is None or call_refusal.code.name in EXPECTED_CODES, (
                request,
                call_refusal,
            )


async def test_impossible_date_is_refused_with_its_field(orders: OrderTrail) -> None:
    impossible_date = Date(year=2031, month=2, day=29)
    for request in (
        ListOrdersRequest(delivery_from=impossible_date),
        ListOrdersRequest(delivery_before=impossible_date),
    ):
        call_refusal = await catch_refusal_if_any(RPCS["ListOrders"].call(orders.channel, request.SerializeToString()))
        assert call_refusal is not None
        assert call_refusal.code.name == "INVALID_ARGUMENT"
        assert call_refusal.fields in (["delivery_from"], ["delivery_before"])


async def test_largest_amounts_are_exact(orders: OrderTrail) -> None:
    lines = [
        OrderedLine(product_id="p_1", quantity=1_000_000, unit_price=Money(currency_code="EUR", nanos=999_999_999))
    ]
    receipt = await orders.send(PlaceOrderRequest(customer_id="shop-1", lines=lines))
    order = await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    assert (order.total_amount.units, order.total_amount.nanos) == (999_999, 999_000_000)
    largest_lines = [
        OrderedLine(product_id="p_1", quantity=1, unit_price=Money(currency_code="EUR", units=1_000_000_000_000))
    ]
    receipt = await orders.send(PlaceOrderRequest(customer_id="shop-1", lines=largest_lines))
    order = await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    assert order.total_amount == Money(currency_code="EUR", units=1_000_000_000_000)


def requests_with_time(name: str, order_id: str, time: Timestamp) -> list[Any]:
    if name == "GetOrder":
        return [GetOrderRequest(order_id=order_id, record_time=time)]
    if name == "ListOrders":
        bounds: list[dict[str, Any]] = [{"created_from": time}, {"created_before": time}, {"record_time": time}]
        return [ListOrdersRequest(**bound) for bound in bounds]
    if name == "DiffOrders":
        return [
            DiffOrdersRequest(recorded_from=time),
            DiffOrdersRequest(recorded_from=Timestamp(seconds=-1), recorded_before=time),
        ]
    return [
        StreamOrderEventsRequest(order_id=order_id, recorded_from=time),
        StreamOrderEventsRequest(order_id=order_id, recorded_before=time),
    ]
