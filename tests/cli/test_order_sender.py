import json
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from tests.client.stub_server import AWAY, StubServer, accept_all, serving

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
    """Answer the first commands with these results; None, and whatever follows, is accepted."""
    left = deque(results)

    def answer(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse:
        response = accept_all(batch)
        for result in response.results:
            planned = left.popleft() if left else None
            if planned is not None:
                result.CopyFrom(planned)
        return response

    return answer


async def produced(stub_server: StubServer, send: Any, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    """Send the orders; return the counts, and what was said of refusals."""
    async with serving(stub_server) as client:
        assert isinstance(client, OrderTrail)
        with ProductionReport(len(ORDERS), show_acks=False, as_json=True) as production:
            await send(client, ORDERS, production)
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def sent(stub_server: StubServer) -> list[list[str]]:
    return [
        [getattr(command, command.WhichOneof("verb")).request_id for command in batch.commands]
        for batch in stub_server.requests
    ]


async def test_a_command_that_could_not_be_taken_is_sent_again_with_all_that_follows_on_its_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stub_server = StubServer()
    stub_server.batches = first_answers(BUSY, NO, None, None)
    counts, refused = await produced(stub_server, send_in_batches, capsys)
    assert (counts["acknowledged"], counts["refused"], refused) == (4, 0, "")
    assert sent(stub_server) == [["r-1", "r-2", "r-3", "r-4"], ["r-1", "r-2"]]


async def test_a_refused_command_is_told_and_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stub_server = StubServer()
    stub_server.batches = first_answers(None, NO, None, None)
    counts, refused = await produced(stub_server, send_in_batches, capsys)
    assert (counts["acknowledged"], counts["refused"]) == (3, 1)
    assert refused == "o-1: no [FAILED_PRECONDITION]\n"


async def test_one_by_one_a_call_that_outlives_its_retries_is_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    stub_server = StubServer()
    stub_server.failures.extend([AWAY] * 12)
    counts, refused = await produced(stub_server, send_one_by_one, capsys)
    assert (counts["acknowledged"], counts["refused"], refused) == (4, 0, "")
    assert {request.request_id for request in stub_server.requests} == {"r-1", "r-2", "r-3", "r-4"}
