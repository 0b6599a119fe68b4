"""Submitted commands, through the generated client, on each log."""

import time
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.refusals import catch_refusal, read_status
from tests.e2e.running_server import RunningServer
from tests.e2e.sample_orders import build_order, new_id

from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail.v1.commands_pb2 import ChangeOrderLineQuantityRequest, Command, ConfirmOrderRequest
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

LOGS = ["embedded", "kafka with commands"]
pytestmark = pytest.mark.parametrize("log", LOGS, indirect=True, scope="module")


@pytest.fixture
def service(channel: grpc.aio.Channel) -> Any:
    return OrderCommandServiceStub(channel)


def build_submission(*requests: Any, **conditions: Any) -> messages.SubmitCommandRequest:
    submission = messages.SubmitCommandRequest(**conditions)
    for request in requests:
        fields = Command.DESCRIPTOR.oneofs_by_name["verb"].fields
        [verb] = [field.name for field in fields if field.message_type is request.DESCRIPTOR]
        getattr(submission.commands.add(), verb).CopyFrom(request)
    return submission


async def submit(service: Any, *requests: Any, **conditions: Any) -> list[str]:
    """Submit the requests; return the ids of the commands."""
    response = await service.SubmitCommand(build_submission(*requests, **conditions), timeout=30)
    return [result.submission.command_id for result in response.results]


async def wait_decided(service: Any, command_id: str) -> messages.SubmittedCommand:
    """Watch a command until its outcome."""
    states = [update.command async for update in service.WatchCommand(build_watch(command_id), timeout=30)]
    last: messages.SubmittedCommand = states[-1]
    assert last.state in (messages.COMMAND_STATE_ACCEPTED, messages.COMMAND_STATE_REFUSED)
    return last


def build_watch(command_id: str) -> messages.WatchCommandRequest:
    return messages.WatchCommandRequest(command_id=command_id)


async def test_outcome_of_an_accepted_command_is_its_receipt(service: Any) -> None:
    request = build_order(new_id("order"))
    [command_id] = await submit(service, request)
    decided = await wait_decided(service, command_id)
    receipt = (await service.PlaceOrder(request)).receipt
    assert receipt.replayed
    assert decided.receipt == receipt


async def test_outcome_of_a_refused_command_is_what_its_own_rpc_answers(service: Any) -> None:
    order_id = new_id("order")
    early = ConfirmOrderRequest(order_id=order_id, request_id="early")
    [command_id] = await submit(service, early, defer_decision=True)
    decided = await wait_decided(service, command_id)
    assert read_status(decided.refusal).reason == "ORDER_NOT_FOUND"
    await submit(service, build_order(order_id), defer_decision=True)
    assert (await catch_refusal(service.ConfirmOrder(early))).reason == "ORDER_NOT_FOUND"


async def test_only_command_that_would_be_refused_now_refuses_the_call(service: Any) -> None:
    submission = build_submission(ConfirmOrderRequest(order_id=new_id("order")))
    assert (await catch_refusal(service.SubmitCommand(submission))).reason == "ORDER_NOT_FOUND"


async def test_batch_has_a_result_for_each_command(service: Any) -> None:
    placed, missing = build_order(new_id("order")), ConfirmOrderRequest(order_id=new_id("order"))
    invalid = ChangeOrderLineQuantityRequest(order_id=placed.order_id, product_id="p_1", quantity=-1)
    preview = ConfirmOrderRequest(order_id=placed.order_id, validate_only=True)
    response = await service.SubmitCommand(build_submission(placed, missing, invalid, preview))
    submission, *statuses = response.results
    assert submission.submission.order_id == placed.order_id
    reasons = [read_status(result.status).reason for result in statuses]
    assert reasons == ["ORDER_NOT_FOUND", "INVALID_REQUEST", "INVALID_REQUEST"]


async def test_retry_gets_the_same_command_and_another_body_is_refused(service: Any) -> None:
    request = build_order(new_id("order"))
    assert await submit(service, request) == await submit(service, request)
    request.customer_id = "another"
    refusal = await catch_refusal(service.SubmitCommand(build_submission(request)))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_server_generates_missing_ids(service: Any) -> None:
    request = build_order()
    request.request_id = ""
    response = await service.SubmitCommand(build_submission(request))
    [submission] = [result.submission for result in response.results]
    decided = await wait_decided(service, submission.command_id)
    assert (decided.order_id, decided.request_id) == (submission.order_id, submission.request_id)
    assert decided.receipt.order_id == submission.order_id


async def test_delayed_command_is_pending_until_it_is_rejected(service: Any) -> None:
    not_before = Timestamp(seconds=int(time.time()) + 3600)
    [command_id] = await submit(service, build_order(new_id("order")), not_before=not_before)
    query = messages.GetCommandRequest(command_id=command_id)
    pending = (await service.GetCommand(query)).command
    assert (pending.state, pending.not_before) == (messages.COMMAND_STATE_PENDING, not_before)
    rejection = messages.RejectCommandRequest(command_id=command_id, reason="not needed")
    rejected = (await service.RejectCommand(rejection)).command
    assert read_status(rejected.refusal).reason == "COMMAND_REJECTED"
    assert (await service.GetCommand(query)).command == rejected


async def test_retry_of_a_command_that_is_not_stopped_changes_nothing(service: Any) -> None:
    [command_id] = await submit(service, build_order(new_id("order")))
    decided = await wait_decided(service, command_id)
    assert (await service.RetryCommand(messages.RetryCommandRequest(command_id=command_id))).command == decided


@pytest.mark.parametrize("rpc", ["GetCommand", "WatchCommand", "RetryCommand", "RejectCommand"])
async def test_unknown_command_is_not_found(service: Any, rpc: str) -> None:
    fields = {"reason": "none"} if rpc == "RejectCommand" else {}
    call = getattr(service, rpc)(getattr(messages, f"{rpc}Request")(command_id="unknown", **fields))
    refusal = await catch_refusal(call.read() if rpc == "WatchCommand" else call)
    assert refusal.reason == "COMMAND_NOT_FOUND"


async def test_list_holds_the_commands_of_an_order_page_by_page(service: Any) -> None:
    order_id = new_id("order")
    confirmations = [ConfirmOrderRequest(order_id=order_id, request_id=f"{number}") for number in range(4)]
    requests: list[Any] = [build_order(order_id), *confirmations]
    response = await service.SubmitCommand(build_submission(*requests, defer_decision=True))
    listed, page_token = list[str](), ""
    while True:
        query = messages.ListCommandsRequest(
            order_id=order_id, page_size=2, page_token=page_token, at_least_as_fresh=[response.consistency_token]
        )
        page = await service.ListCommands(query)
        listed += [command.request_id for command in page.commands]
        page_token = page.next_page_token
        if not page_token:
            break
    assert listed == [request.request_id for request in requests]


async def test_page_token_of_other_conditions_is_refused(service: Any) -> None:
    order_id = new_id("order")
    await submit(service, build_order(order_id), ConfirmOrderRequest(order_id=order_id))
    page = await service.ListCommands(messages.ListCommandsRequest(order_id=order_id, page_size=1))
    query = messages.ListCommandsRequest(page_size=1, page_token=page.next_page_token)
    assert (await catch_refusal(service.ListCommands(query))).reason == "PAGE_TOKEN_MISMATCH"


async def test_token_of_the_log_of_events_is_foreign_to_the_log_of_commands(service: Any) -> None:
    receipt = (await service.PlaceOrder(build_order(new_id("order")))).receipt
    query = messages.GetCommandRequest(command_id="any", at_least_as_fresh=[receipt.consistency_token])
    assert (await catch_refusal(service.GetCommand(query))).reason == "FOREIGN_TOKEN"


@pytest.mark.parametrize("count", [0, 1001])
async def test_submission_holds_1_to_1000_commands(service: Any, count: int) -> None:
    submission = build_submission(*[ConfirmOrderRequest(order_id="o")] * count)
    refusal = await catch_refusal(service.SubmitCommand(submission))
    assert (refusal.reason, refusal.fields) == ("INVALID_REQUEST", ["commands"])


async def test_actor_of_a_submission_is_the_actor_of_its_fact(service: Any) -> None:
    call = service.SubmitCommand(build_submission(build_order(new_id("order"))), metadata=[("ordertrail-actor", "ann")])
    [result] = (await call).results
    decided = await wait_decided(service, result.submission.command_id)
    assert (decided.actor, decided.receipt.event.actor) == ("ann", "ann")


def test_server_reports_no_fault(shared: RunningServer) -> None:
    assert shared.faults == []
