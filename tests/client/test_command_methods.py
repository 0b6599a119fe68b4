import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

import grpc
import pytest
from tests.client.stub_server import AWAY, StubServer, serve_stub

from ordertrail.client import OrderTrail, connect, line, shipped
from ordertrail.errors import Refused, Unavailable
from ordertrail.v1 import commands_pb2 as messages
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.values import day

LINE = line("p_1", 3, "5.20", "EUR")
LATER = date(2026, 12, 1)

VERBS: dict[str, tuple[Callable[..., Awaitable[Receipt]], tuple[Any, ...], dict[str, Any], Any]] = {
    "PlaceOrder": (
        OrderTrail.place,
        ("shop-1", [LINE]),
        {"order_id": "o-1", "expected_delivery_date": LATER},
        messages.PlaceOrderRequest(
            order_id="o-1", customer_id="shop-1", lines=[LINE], expected_delivery_date=day(LATER)
        ),
    ),
    "AddOrderLine": (
        OrderTrail.add_line,
        ("o-1", LINE),
        {},
        messages.AddOrderLineRequest(order_id="o-1", line=LINE),
    ),
    "ChangeOrderLineQuantity": (
        OrderTrail.change_line_quantity,
        ("o-1", "p_1", 4),
        {},
        messages.ChangeOrderLineQuantityRequest(order_id="o-1", product_id="p_1", quantity=4),
    ),
    "RemoveOrderLine": (
        OrderTrail.remove_line,
        ("o-1", "p_1"),
        {},
        messages.RemoveOrderLineRequest(order_id="o-1", product_id="p_1"),
    ),
    "RescheduleDelivery": (
        OrderTrail.reschedule_delivery,
        ("o-1", LATER),
        {},
        messages.RescheduleDeliveryRequest(order_id="o-1", expected_delivery_date=day(LATER)),
    ),
    "ConfirmOrder": (OrderTrail.confirm, ("o-1",), {}, messages.ConfirmOrderRequest(order_id="o-1")),
    "ShipOrder": (
        OrderTrail.ship,
        ("o-1", [shipped("p_1", 2)]),
        {},
        messages.ShipOrderRequest(order_id="o-1", lines=[shipped("p_1", 2)]),
    ),
    "DeliverOrder": (OrderTrail.deliver, ("o-1",), {}, messages.DeliverOrderRequest(order_id="o-1")),
    "CancelOrder": (
        OrderTrail.cancel,
        ("o-1",),
        {"reason": "late"},
        messages.CancelOrderRequest(order_id="o-1", reason="late"),
    ),
    "ReturnOrder": (
        OrderTrail.return_,
        ("o-1",),
        {"reason": "broken"},
        messages.ReturnOrderRequest(order_id="o-1", reason="broken"),
    ),
}
OPTIONS: dict[str, Any] = {"request_id": "r-1", "expected_version": 0, "validate_only": True}


def test_every_verb_of_the_contract_has_a_method() -> None:
    verbs = {field.message_type.name for field in messages.Command.DESCRIPTOR.fields if field.message_type}
    assert {f"{verb}Request" for verb in VERBS} == verbs


@pytest.mark.parametrize("verb", VERBS)
async def test_verb_sends_its_arguments(client: OrderTrail, stub_server: StubServer, verb: str) -> None:
    method, args, kwargs, request = VERBS[verb]
    request.MergeFrom(type(request)(**OPTIONS))
    receipt = await method(client, *args, **kwargs, **OPTIONS)
    assert stub_server.requests == [request]
    assert receipt == Receipt(order_id="o-1", request_id="r-1")


@pytest.mark.parametrize("verb", VERBS)
async def test_command_without_request_id_gets_a_uuid(client: OrderTrail, stub_server: StubServer, verb: str) -> None:
    method, args, kwargs, _ = VERBS[verb]
    receipts = [await method(client, *args, **kwargs) for _ in range(2)]
    assert len({UUID(receipt.request_id) for receipt in receipts}) == 2
    assert not stub_server.requests[0].HasField("expected_version")


async def test_retry_sends_same_request_id(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.extend([AWAY, AWAY])
    receipt = await client.confirm("o-1")
    assert [request.request_id for request in stub_server.requests] == [receipt.request_id] * 3


async def test_refused_command_is_not_retried(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.append((grpc.StatusCode.FAILED_PRECONDITION, "no"))
    with pytest.raises(Refused, match="no"):
        await client.confirm("o-1")
    assert len(stub_server.requests) == 1


async def test_call_has_deadline_of_ten_seconds_unless_it_sets_one(client: OrderTrail, stub_server: StubServer) -> None:
    await client.confirm("o-1")
    await client.confirm("o-1", timeout=3)
    assert stub_server.deadlines == [pytest.approx(10, abs=0.5), pytest.approx(3, abs=0.5)]


async def test_expired_deadline_raises_unavailable_with_reason(stub_server: StubServer) -> None:
    with pytest.raises(Unavailable) as error:
        async with connect("192.0.2.1:1", timeout=0.2) as client:  # an address that no one answers on
            await client.confirm("o-1")
    assert error.value.reason == "DEADLINE_EXCEEDED"
    assert "same request id" in error.value.action


async def test_every_command_carries_the_actor(stub_server: StubServer) -> None:
    async with serve_stub(stub_server, actor="clerk-7") as client:
        await client.confirm("o-1")
        [_ async for _ in client.execute([messages.ConfirmOrderRequest(order_id="o-1")])]
    assert [metadata["ordertrail-actor"] for metadata in stub_server.metadata] == ["clerk-7", "clerk-7"]


async def test_actor_must_be_printable_ascii() -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        connect("127.0.0.1:1", actor="Zoë")


async def test_tasks_can_share_a_client(client: OrderTrail, stub_server: StubServer) -> None:
    receipts = await asyncio.gather(*(client.confirm(f"o-{number}") for number in range(50)))
    assert [receipt.order_id for receipt in receipts] == [f"o-{number}" for number in range(50)]
