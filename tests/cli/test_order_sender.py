import json
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from tests.client.stub_server import AWAY, StubServer, accept_all, serve_stub

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.v1.commands_pb2 import (
    CommandResult,
    ConfirmOrderRequest,
    ExecuteCommandsRequest,
    ExecuteCommandsResponse,
    ShipOrderRequest,
)
from ordertrail_server.cli.order_sender import send_in_batches, send_one_by_one
from ordertrail_server.cli.production_report import ProductionReport

BUSY = CommandResult(status=Status(code=14, message="busy"))
NO = CommandResult(status=Status(code=9, message="no"))
ORDERS: list[list[Request]] = [
    [ConfirmOrderRequest(order_id="o-1", request_id="r-1"), ShipOrderRequest(order_id="o-1", request_id="r-2")],
    [ConfirmOrderRequest(order_id="o-2", request_id="r-3"), ShipOrderRequest(order_id="o-2", request_id="r-4")],
]


def first_answers(*results: CommandResult | None) -> Callable[[ExecuteCommandsRequest], ExecuteCommandsResponse]:
    """Answer the first commands with these results. Accept those with None, and all later ones."""
    remaining = deque(results)

    def answer(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse:
        response = accept_all(batch)
        for result in response.results:
            planned = remaining.popleft() if remaining else None
            if planned is not None:
                result.CopyFrom(planned)
        return response

    return answer


async def run_sender(stub_server: StubServer, send: Any, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    """Send the orders; return the counts, and the refusals on stderr."""
    async with serve_stub(stub_server) as client:
        assert isinstance(client, OrderTrail)
        with ProductionReport(len(ORDERS), show_acks=False, as_json=True) as production:
            await send(client, ORDERS, production)
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def list_sent_request_ids(stub_server: StubServer) -> list[list[str]]:
    return [
        [getattr(command, command.WhichOneof("verb")).request_id for command in batch.commands]
        for batch in stub_server.requests
    ]


async def test_command_is_sent_again_with_later_ones_of_its_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stub_server = StubServer()
    stub_server.batches = first_answers(BUSY, NO, None, None)
    counts, refusals = await run_sender(stub_server, send_in_batches, capsys)
    assert (counts["acknowledged"], counts["refused"], refusals) == (4, 0, "")
    assert list_sent_request_ids(stub_server) == [["r-1", "r-2", "r-3", "r-4"], ["r-1", "r-2"]]


async def test_refused_command_is_reported_and_others_continue(capsys: pytest.CaptureFixture[str]) -> None:
    stub_server = StubServer()
    stub_server.batches = first_answers(None, NO, None, None)
    counts, refusals = await run_sender(stub_server, send_in_batches, capsys)
    assert (counts["acknowledged"], counts["refused"]) == (3, 1)
    assert refusals == "o-1: no [FAILED_PRECONDITION]\n"


async def test_single_call_is_repeated_after_its_retries_are_exhausted(capsys: pytest.CaptureFixture[str]) -> None:
    stub_server = StubServer()
    stub_server.failures.extend([AWAY] * 12)
    counts, refusals = await run_sender(stub_server, send_one_by_one, capsys)
    assert (counts["acknowledged"], counts["refused"], refusals) == (4, 0, "")
    assert {request.request_id for request in stub_server.requests} == {"r-1", "r-2", "r-3", "r-4"}
