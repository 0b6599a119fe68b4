"""Every way in which the contract says that a call may be refused, provoked as a client could.

Not here: REQUEST_TOO_LARGE and further INVALID_REQUESTs (test_bad_input, test_bounds); NOT_FRESH_YET, OVERLOADED,
ORDER_PARKED, UNAVAILABLE and INTERNAL, which a client alone cannot provoke (test_failing_parts).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.logs import Embedded, LogOfServer
from tests.e2e.refusals import catch_refusal, read_status
from tests.e2e.rpcs import RPCS, VERBS, build_request
from tests.e2e.sample_orders import build_order, import_documents, new_id

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    ConfirmOrderRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    ShipOrderRequest,
)
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.v1.order_history_service_pb2 import DiffOrdersRequest, GetOrderRequest, ListOrdersRequest
from ordertrail.v1.projection_service_pb2 import DropGenerationRequest
from ordertrail.values import line, shipped

FUTURE = Timestamp(seconds=32_503_680_000)
LARGEST_PRICE = "999999999999"


@pytest.fixture(scope="module")
def log() -> LogOfServer:
    """The embedded log alone: what these tests check happens before a log is used, or after."""
    return Embedded()


def of_line(product: str, price: str = "1.00", currency: str = "EUR") -> Any:
    return line(product, 1, price, currency)


# Given an order of p_1 (10 pieces) and p_2 (5 pieces) after some verbs, when a command, then a reason.
REFUSALS: dict[str, tuple[list[str], Callable[[str], Message]]] = {
    "NOTHING_CHANGES": (["ConfirmOrder"], lambda i: ConfirmOrderRequest(order_id=i)),
    "STATUS_FORBIDS": (["ConfirmOrder"], lambda i: RemoveOrderLineRequest(order_id=i, product_id="p_1")),
    "PRODUCT_ALREADY_ORDERED": ([], lambda i: AddOrderLineRequest(order_id=i, line=of_line("p_1"))),
    "PRODUCT_NOT_ORDERED": ([], lambda i: RemoveOrderLineRequest(order_id=i, product_id="p_77")),
    "LAST_LINE": (["RemoveOrderLine"], lambda i: RemoveOrderLineRequest(order_id=i, product_id="p_2")),
    "CURRENCY_DIFFERS": ([], lambda i: AddOrderLineRequest(order_id=i, line=of_line("p_3", currency="USD"))),
    "TOTAL_TOO_LARGE": (
        [],
        lambda i: AddOrderLineRequest(order_id=i, line=line("p_3", 1_000_000, LARGEST_PRICE, "EUR")),
    ),
    "MORE_THAN_ORDERED": (["ConfirmOrder"], lambda i: ShipOrderRequest(order_id=i, lines=[shipped("p_1", 11)])),
}


@pytest.mark.parametrize("reason", REFUSALS)
async def test_violated_rule_of_an_order_is_refused_with_its_reason(orders: OrderTrail, reason: str) -> None:
    verbs, command = REFUSALS[reason]
    receipt = await orders.send(build_order())
    order_id = receipt.order_id
    for name in verbs:
        receipt = await orders.send(build_request(name, order_id))
    call_refusal = await catch_refusal(call_raw(orders, command(order_id)))
    assert call_refusal.reason == reason
    assert call_refusal.code.name == "FAILED_PRECONDITION"
    assert call_refusal.preconditions == [reason]
    order = await orders.get(order_id, at_least_as_fresh=[receipt.consistency_token])
    assert order.version == 1 + len(verbs)


async def test_order_has_at_most_200_lines(orders: OrderTrail) -> None:
    receipt = await orders.place("shop-1", [of_line(f"p_{number}") for number in range(200)])
    call_refusal = await catch_refusal(
        call_raw(orders, AddOrderLineRequest(order_id=receipt.order_id, line=of_line("p_200")))
    )
    assert call_refusal.reason == "TOO_MANY_LINES"


async def test_imported_order_with_quantity_0_cannot_be_confirmed(orders: OrderTrail) -> None:
    [result] = await import_documents(
        orders, b'{"company": "retailer-1", "productId": "p_1", "quantity": 0, "unitPrice": 1}'
    )
    call_refusal = await catch_refusal(call_raw(orders, ConfirmOrderRequest(order_id=result.receipt.order_id)))
    assert call_refusal.reason == "NOTHING_ORDERED"


@pytest.mark.parametrize("verb", VERBS[1:])
async def test_every_verb_on_unknown_order_is_not_found(orders: OrderTrail, verb: str) -> None:
    call_refusal = await catch_refusal(call_raw(orders, build_request(verb, "no-such-order")))
    assert (call_refusal.code.name, call_refusal.reason) == ("NOT_FOUND", "ORDER_NOT_FOUND")
    assert call_refusal.resources == ["no-such-order"]


async def test_get_of_unknown_order_is_not_found(orders: OrderTrail) -> None:
    call_refusal = await catch_refusal(orders.history.GetOrder(GetOrderRequest(order_id="no-such-order")))
    assert (call_refusal.code.name, call_refusal.reason) == ("NOT_FOUND", "ORDER_NOT_FOUND")


async def test_order_id_cannot_be_placed_twice(orders: OrderTrail) -> None:
    order_id = new_id("order")
    await orders.send(build_order(order_id))
    call_refusal = await catch_refusal(call_raw(orders, build_order(order_id)))
    assert (call_refusal.code.name, call_refusal.reason) == ("ALREADY_EXISTS", "ORDER_EXISTS")
    assert call_refusal.resources == [order_id]


async def test_request_id_cannot_be_reused_for_another_command(orders: OrderTrail) -> None:
    order_id, request_id = new_id("order"), new_id("request")
    await orders.send(build_order(order_id, request_id))
    call_refusal = await catch_refusal(call_raw(orders, build_order(order_id, request_id, customer="another-shop")))
    assert (call_refusal.code.name, call_refusal.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert call_refusal.fields == ["request_id"]


@pytest.mark.parametrize("verb", VERBS)
async def test_version_mismatch_has_expected_and_actual_version(orders: OrderTrail, verb: str) -> None:
    order_id = (await orders.send(build_order())).order_id
    request = build_request(verb, order_id)
    request.expected_version = 7
    call_refusal = await catch_refusal(call_raw(orders, request))
    assert (call_refusal.code.name, call_refusal.reason) == ("ABORTED", "VERSION_MISMATCH")
    assert (call_refusal.metadata["expected"], call_refusal.metadata["actual"]) == ("7", "1")


async def test_expected_version_0_places_an_order_once(orders: OrderTrail) -> None:
    order_id = new_id("order")
    first, second = build_order(order_id), build_order(order_id)
    first.expected_version = second.expected_version = 0
    assert (await orders.send(first)).order_version == 1
    call_refusal = await catch_refusal(call_raw(orders, second))
    assert (call_refusal.metadata["expected"], call_refusal.metadata["actual"]) == ("0", "1")


async def test_duplicate_product_impossible_date_and_missing_price_are_refused(orders: OrderTrail) -> None:
    duplicate_product = PlaceOrderRequest(customer_id="shop-1", lines=[of_line("p_1"), of_line("p_1")])
    assert (await catch_refusal(call_raw(orders, duplicate_product))).fields == ["lines[1].product_id"]
    impossible_date = build_order()
    impossible_date.expected_delivery_date.year, impossible_date.expected_delivery_date.month = 2031, 2
    impossible_date.expected_delivery_date.day = 30
    assert (await catch_refusal(call_raw(orders, impossible_date))).fields == ["expected_delivery_date"]
    missing_price = PlaceOrderRequest(customer_id="shop-1", lines=[OrderedLine(product_id="p_1", quantity=1)])
    assert (await catch_refusal(call_raw(orders, missing_price))).fields == ["lines[0].unit_price"]


@pytest.mark.parametrize(
    ("name", "number", "reason"),
    [
        ("no_such_projection", 1, "PROJECTION_NOT_FOUND"),
        ("history", 99, "PROJECTION_NOT_FOUND"),
        ("history", 1, "GENERATION_NOT_READY"),
    ],
)
async def test_generation_that_does_not_exist_or_is_live_cannot_be_dropped(
    orders: OrderTrail, name: str, number: int, reason: str
) -> None:
    request = DropGenerationRequest(name=name, number=number)
    call_refusal = await catch_refusal(RPCS["DropGeneration"].call(orders.channel, request.SerializeToString()))
    assert call_refusal.reason == reason


@pytest.mark.parametrize(
    "request_",
    [
        GetOrderRequest(order_id="o", record_time=FUTURE),
        ListOrdersRequest(record_time=FUTURE),
        DiffOrdersRequest(recorded_from=FUTURE),
    ],
)
async def test_question_about_the_future_is_refused_with_the_time_of_the_server(
    orders: OrderTrail, request_: Message
) -> None:
    name = type(request_).__name__.removesuffix("Request")
    call_refusal = await catch_refusal(RPCS[name].call(orders.channel, request_.SerializeToString()))
    assert (call_refusal.code.name, call_refusal.reason) == ("OUT_OF_RANGE", "FUTURE_TIME")
    server_time = Timestamp()
    server_time.FromJsonString(call_refusal.metadata["server_time"])
    assert 0 < server_time.seconds < FUTURE.seconds


@pytest.mark.parametrize("name", ["GetCommand", "WatchCommand", "RetryCommand", "RejectCommand"])
async def test_unknown_command_is_not_found(orders: OrderTrail, name: str) -> None:
    call_refusal = await catch_refusal(RPCS[name].call(orders.channel, build_request(name).SerializeToString()))
    assert (call_refusal.code.name, call_refusal.reason) == ("NOT_FOUND", "COMMAND_NOT_FOUND")


async def test_rejected_command_is_refused_with_the_reason_of_the_operator(orders: OrderTrail) -> None:
    order = build_order(new_id("order"), new_id("request"))
    stored = await orders.submit(order, not_before=FUTURE)
    rejected = await orders.reject_command(stored.results[0].submission.command_id, "wrong shop")
    call_refusal = await catch_refusal(call_raw(orders, order))
    for refusal in (read_status(rejected.refusal), call_refusal):
        assert (refusal.code.name, refusal.reason) == ("ABORTED", "COMMAND_REJECTED")
        assert refusal.message == "An operator rejected the command: wrong shop"


def test_every_reason_has_a_test_in_this_directory() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    for value in ErrorReason.DESCRIPTOR.values[1:]:
        reason = value.name.removeprefix("ERROR_REASON_")
        assert f'"{reason}"' in tests, reason


def call_raw(orders: OrderTrail, request: Message) -> Any:
    """Send a request by the generated stub, because the client raises its own errors."""
    name = type(request).__name__.removesuffix("Request")
    assert name in RPCS
    return getattr(orders.commands, name)(request)
