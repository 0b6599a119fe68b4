from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tests.client.stub_server import AWAY, StubServer, serve_stub

from ordertrail.client import OrderTrail
from ordertrail.errors import NotFound, Refused
from ordertrail.v1.commands_pb2 import Command, ConfirmOrderRequest, ShipOrderRequest
from ordertrail.v1.submitted_commands_pb2 import (
    COMMAND_STATE_STOPPED,
    CommandSubmission,
    GetCommandRequest,
    GetCommandResponse,
    ListCommandsRequest,
    ListCommandsResponse,
    RejectCommandRequest,
    RejectCommandResponse,
    RetryCommandRequest,
    RetryCommandResponse,
    SubmissionResult,
    SubmitCommandRequest,
    SubmitCommandResponse,
    SubmittedCommand,
)

CONFIRM = ConfirmOrderRequest(order_id="o-1", request_id="r-1")
STORED = SubmitCommandResponse(
    results=[SubmissionResult(submission=CommandSubmission(command_id="c-1", order_id="o-1", request_id="r-1"))],
    consistency_token="t",
)
COMMAND = SubmittedCommand(command_id="c-1")


async def test_submit_sends_its_commands_in_sequence_with_the_conditions(
    client: OrderTrail, stub_server: StubServer
) -> None:
    stub_server.pages.append(STORED)
    ship = Command(ship_order=ShipOrderRequest(order_id="o-1", request_id="r-2"))
    due = datetime(2031, 5, 17, tzinfo=UTC)
    assert await client.submit(CONFIRM, ship, defer_decision=True, not_before=due) == STORED
    expected = SubmitCommandRequest(commands=[Command(confirm_order=CONFIRM), ship], defer_decision=True)
    expected.not_before.FromDatetime(due)
    assert stub_server.requests == [expected]


async def test_time_of_a_submission_can_be_a_timestamp(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.append(STORED)
    await client.submit(CONFIRM, not_before=Timestamp(seconds=7, nanos=1))
    assert stub_server.requests[0].not_before == Timestamp(seconds=7, nanos=1)


async def test_retried_submission_has_the_same_generated_request_ids(
    client: OrderTrail, stub_server: StubServer
) -> None:
    stub_server.failures.extend([AWAY, AWAY])
    stub_server.pages.append(STORED)
    await client.submit(ConfirmOrderRequest(order_id="o-1"), Command(ship_order=ShipOrderRequest(order_id="o-1")))
    first, *retries = stub_server.requests
    assert retries == [first, first]
    assert len({UUID(first.commands[0].confirm_order.request_id), UUID(first.commands[1].ship_order.request_id)}) == 2


async def test_submission_carries_the_actor_and_has_a_deadline(stub_server: StubServer) -> None:
    stub_server.pages.extend([STORED, STORED])
    async with serve_stub(stub_server, actor="clerk-7") as client:
        await client.submit(CONFIRM)
        await client.submit(CONFIRM, timeout=3)
    assert [metadata["ordertrail-actor"] for metadata in stub_server.metadata] == ["clerk-7", "clerk-7"]
    assert stub_server.deadlines == [pytest.approx(10, abs=0.5), pytest.approx(3, abs=0.5)]


async def test_submission_that_is_refused_at_once_raises_and_is_not_retried(
    client: OrderTrail, stub_server: StubServer
) -> None:
    stub_server.failures.append((grpc.StatusCode.FAILED_PRECONDITION, "no"))
    with pytest.raises(Refused, match="no"):
        await client.submit(CONFIRM)
    assert len(stub_server.requests) == 1


async def test_message_that_is_no_command_cannot_be_submitted(client: OrderTrail) -> None:
    with pytest.raises(TypeError, match="GetCommandRequest is not a command"):
        await client.submit(GetCommandRequest())  # type: ignore[arg-type]  # as a caller may err


@pytest.mark.parametrize(
    ("call", "expected_request", "answer"),
    [
        (
            lambda client: client.get_command("c-1", at_least_as_fresh=["t"]),
            GetCommandRequest(command_id="c-1", at_least_as_fresh=["t"]),
            GetCommandResponse(command=COMMAND),
        ),
        (
            lambda client: client.retry_command("c-1"),
            RetryCommandRequest(command_id="c-1"),
            RetryCommandResponse(command=COMMAND),
        ),
        (
            lambda client: client.reject_command("c-1", "wrong shop"),
            RejectCommandRequest(command_id="c-1", reason="wrong shop"),
            RejectCommandResponse(command=COMMAND),
        ),
    ],
)
async def test_call_about_a_command_is_retried_while_the_server_is_unavailable(
    client: OrderTrail,
    stub_server: StubServer,
    call: Callable[[OrderTrail], Awaitable[Any]],
    expected_request: Message,
    answer: Message,
) -> None:
    stub_server.failures.append(AWAY)
    stub_server.pages.append(answer)
    assert await call(client) == COMMAND
    assert stub_server.requests == [expected_request] * 2
    assert stub_server.deadlines == [pytest.approx(10, abs=0.5)] * 2


async def test_unknown_command_is_not_found(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.append((grpc.StatusCode.NOT_FOUND, "unknown"))
    with pytest.raises(NotFound):
        await client.get_command("c-1")


async def test_commands_are_listed_page_by_page(client: OrderTrail, stub_server: StubServer) -> None:
    commands = [SubmittedCommand(command_id=f"c-{number}") for number in range(3)]
    stub_server.pages.append(ListCommandsResponse(commands=commands[:2], next_page_token="p"))
    stub_server.pages.append(ListCommandsResponse(commands=commands[2:]))
    listing = client.list_commands(order_id="o-1", states=[COMMAND_STATE_STOPPED], page_size=2, at_least_as_fresh=["t"])
    assert [command async for command in listing] == commands
    first = ListCommandsRequest(
        order_id="o-1", states=[COMMAND_STATE_STOPPED], page_size=2, at_least_as_fresh=["t"], page_token=""
    )
    second = ListCommandsRequest()
    second.CopyFrom(first)
    second.page_token = "p"
    assert stub_server.requests == [first, second]
