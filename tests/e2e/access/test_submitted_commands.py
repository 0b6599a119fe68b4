"""Submitted commands of a customer neither show nor affect those of another, also with equal order and request ids."""

from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.access.identity.issuer import shared_key
from tests.e2e.access.world import Target, send
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS

from ordertrail.v1.commands_pb2 import CancelOrderRequest, Command, ConfirmOrderRequest, PlaceOrderRequest
from ordertrail.v1.submitted_commands_pb2 import ListCommandsRequest
from ordertrail.values import line

LATER = Timestamp(seconds=4_000_000_000)
REQUEST_ID = "same-request"

pytestmark = pytest.mark.usefixtures("targets")


def place_order(order_id: str, customer_id: str) -> PlaceOrderRequest:
    lines = [line(f"{customer_id}-goods", 1, "1.00", "EUR")]
    return PlaceOrderRequest(order_id=order_id, customer_id=customer_id, lines=lines)


async def place(channel: grpc.aio.Channel, order_id: str, customer_id: str) -> None:
    await send(channel, "PlaceOrder", place_order(order_id, customer_id), f"{customer_id} clerk")


async def submit(
    channel: grpc.aio.Channel,
    command: Command,
    caller: str,
    not_before: Timestamp | None = None,
    *,
    defer_decision: bool = True,
) -> str:
    """Submit a command; return its id. Raises AioRpcError."""
    request = RPCS["SubmitCommand"].request(commands=[command], defer_decision=defer_decision, not_before=not_before)
    [submitted] = await send(channel, "SubmitCommand", request, caller)
    command_id: str = submitted.results[0].submission.command_id
    return command_id


async def find_outcome(channel: grpc.aio.Channel, command: Command, caller: str) -> Any:
    """Submit a command; return its status once it is refused."""
    command_id = await submit(channel, command, caller)
    *_, state = await send(channel, "WatchCommand", RPCS["WatchCommand"].request(command_id=command_id), caller)
    return state.command.refusal


async def test_refused_command_on_a_hidden_order_takes_no_request_id_from_its_customer(
    channel: grpc.aio.Channel,
) -> None:
    await place(channel, "acme-squatted", "acme")
    confirm = ConfirmOrderRequest(order_id="acme-squatted", request_id=REQUEST_ID)
    refusal = await find_outcome(channel, Command(confirm_order=confirm), "globex clerk")
    assert refusal.code == grpc.StatusCode.NOT_FOUND.value[0]
    [receipt] = await send(channel, "ConfirmOrder", confirm, "acme clerk")
    assert receipt.receipt.order_version == 2


async def test_refused_command_on_an_absent_order_takes_no_request_id_from_its_customer(
    channel: grpc.aio.Channel,
) -> None:
    confirm = ConfirmOrderRequest(order_id="acme-future", request_id=REQUEST_ID)
    await find_outcome(channel, Command(confirm_order=confirm), "globex clerk")
    refusal = await catch_refusal(send(channel, "CancelOrder", cancel("acme-future"), "acme clerk"))
    assert refusal.reason == "ORDER_NOT_FOUND"
    await place(channel, "acme-future", "acme")
    [receipt] = await send(channel, "ConfirmOrder", confirm, "acme clerk")
    assert receipt.receipt.order_version == 2


def cancel(order_id: str) -> CancelOrderRequest:
    return CancelOrderRequest(order_id=order_id, reason="too late", request_id=REQUEST_ID)


@pytest.mark.parametrize("is_equal", [True, False])
async def test_request_ids_of_a_hidden_order_do_not_exist(channel: grpc.aio.Channel, is_equal: bool) -> None:
    order_id = f"acme-confirmed-{is_equal}"
    await place(channel, order_id, "acme")
    confirm = ConfirmOrderRequest(order_id=order_id, request_id=REQUEST_ID)
    await send(channel, "ConfirmOrder", confirm, "acme clerk")
    command = Command(confirm_order=confirm) if is_equal else Command(cancel_order=cancel(order_id))
    refusal = await find_outcome(channel, command, "globex clerk")
    assert refusal.code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_waiting_command_of_another_customer_does_not_exist(channel: grpc.aio.Channel) -> None:
    await place(channel, "acme-waiting", "acme")
    command = Command(cancel_order=cancel("acme-waiting"))
    own = await submit(channel, command, "acme clerk", LATER)
    foreign_id = await submit(channel, Command(cancel_order=cancel("acme-waiting")), "globex clerk", LATER)
    assert own != foreign_id
    confirm = Command(confirm_order=ConfirmOrderRequest(order_id="acme-waiting"))
    refusal = await catch_refusal(submit(channel, confirm, "globex clerk", defer_decision=False))
    assert refusal.reason == "ORDER_NOT_FOUND"


async def test_customer_of_an_order_sees_no_commands_of_others_on_it(channel: grpc.aio.Channel) -> None:
    await submit(channel, Command(place_order=place_order("contested", "globex")), "globex clerk", LATER)
    hidden = Command(confirm_order=ConfirmOrderRequest(order_id="contested"))
    await submit(channel, hidden, "globex clerk", LATER)
    await place(channel, "contested", "acme")
    request = ListCommandsRequest(order_id="contested")
    [own] = await send(channel, "ListCommands", request, "acme clerk")
    assert not own.commands
    [sender] = await send(channel, "ListCommands", request, "globex clerk")
    assert len(sender.commands) == 2


async def test_command_on_a_hidden_order_is_refused_also_if_the_order_is_parked(
    channel: grpc.aio.Channel, targets: dict[str, Target]
) -> None:
    parked = targets["acme"].parked_order_id
    command = Command(confirm_order=ConfirmOrderRequest(order_id=parked))
    refusal = await find_outcome(channel, command, "globex clerk")
    assert refusal.code == grpc.StatusCode.NOT_FOUND.value[0]
    [order] = await send(channel, "GetParkedOrder", RPCS["GetParkedOrder"].request(order_id=parked), "acme clerk")
    assert order.order.waiting_count == 1
    audit = await send(channel, "AuditProjections", RPCS["AuditProjections"].request(), "auditor")
    assert not [answer.finding for answer in audit if answer.HasField("finding")]


async def test_sender_whose_customers_have_changed_no_longer_sees_its_commands(channel: grpc.aio.Channel) -> None:
    await place(channel, "acme-left", "acme")
    command = Command(cancel_order=cancel("acme-left"))
    command_id = await submit(channel, command, "acme clerk", LATER)
    placing = await submit(channel, Command(place_order=place_order("acme-unplaced", "acme")), "acme clerk", LATER)
    moved = (("authorization", shared_key("ES256").bearer(sub="acme clerk", shop="globex")),)
    method = RPCS["GetCommand"]
    for name in (command_id, placing):
        request = method.request(command_id=name)
        assert await send(channel, "GetCommand", request, "acme clerk")
        call = channel.unary_unary(method.path, None, method.parse)(request.SerializeToString(), metadata=moved)
        assert (await catch_refusal(call)).reason == "COMMAND_NOT_FOUND"
