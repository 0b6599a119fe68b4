import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc.status_pb2 import Status
from tests.client.stub_server import AWAY, Failure, StubServer, accept_all, serve_stub

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.errors import InvalidRequest, Unavailable
from ordertrail.v1.commands_pb2 import (
    CancelOrderRequest,
    CommandResult,
    ConfirmOrderRequest,
    ExecuteCommandsRequest,
    ExecuteCommandsResponse,
)


def build_confirmations(count: int) -> list[Request]:
    return [ConfirmOrderRequest(order_id=f"o-{number}", request_id=f"r-{number}") for number in range(count)]


def list_order_ids(results: list[CommandResult]) -> list[str]:
    return [result.receipt.request_id for result in results]


async def test_each_command_gets_one_result_in_order(client: OrderTrail, stub_server: StubServer) -> None:
    results = [result async for result in client.execute(build_confirmations(1001), batch_size=100)]
    assert list_order_ids(results) == [f"r-{number}" for number in range(1001)]
    assert max(len(request.commands) for request in stub_server.requests) == 100


async def test_execute_without_commands_yields_nothing(client: OrderTrail) -> None:
    assert [result async for result in client.execute([])] == []


async def test_refused_command_does_not_stop_the_others(client: OrderTrail, stub_server: StubServer) -> None:
    refusal = CommandResult(status=Status(code=9, message="no"))

    def refuse_second(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse:
        response = accept_all(batch)
        response.results[1].CopyFrom(refusal)
        return response

    stub_server.batches = refuse_second
    results = [result async for result in client.execute(build_confirmations(3))]
    assert list_order_ids(results) == ["r-0", "", "r-2"]
    assert results[1] == refusal


@pytest.mark.parametrize("answered_batches", range(6))
async def test_batches_without_answer_are_sent_again_with_same_request_ids(
    client: OrderTrail, stub_server: StubServer, answered_batches: int
) -> None:
    cuts = [answered_batches]

    def cut_once(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse | Failure:
        cuts[0] -= 1
        return AWAY if cuts[0] == -1 else accept_all(batch)

    stub_server.batches = cut_once
    results = [result async for result in client.execute(build_confirmations(60), batch_size=10, in_flight=3)]
    assert list_order_ids(results) == [f"r-{number}" for number in range(60)]
    assert len(stub_server.requests) > 6


async def test_item_of_slow_source_is_sent_at_once(client: OrderTrail) -> None:
    answer_arrived = asyncio.Event()

    async def slow_source() -> AsyncIterator[Request]:
        for command in build_confirmations(3):
            answer_arrived.clear()
            yield command
            await answer_arrived.wait()

    results = []
    async for result in client.execute(slow_source()):
        results.append(result)
        answer_arrived.set()
    assert list_order_ids(results) == ["r-0", "r-1", "r-2"]


async def test_error_of_source_is_raised_after_results_of_earlier_items(client: OrderTrail) -> None:
    async def failing_source() -> AsyncIterator[Request]:
        yield ConfirmOrderRequest(order_id="o-1", request_id="r-1")
        raise LookupError("no more")

    results = client.execute(failing_source())
    assert list_order_ids([await anext(results)]) == ["r-1"]
    with pytest.raises(LookupError, match="no more"):
        await anext(results)


async def test_batch_is_bounded_in_bytes(client: OrderTrail, stub_server: StubServer) -> None:
    large_requests = [CancelOrderRequest(order_id=f"o-{number}", reason="x" * 100_000) for number in range(7)]
    results = [result async for result in client.execute(large_requests)]
    assert len(results) == 7
    assert max(request.ByteSize() for request in stub_server.requests) < 300_000


async def test_permanent_error_is_raised_without_retry(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.batches = lambda _: (grpc.StatusCode.INVALID_ARGUMENT, "too many commands")
    with pytest.raises(InvalidRequest, match="too many commands"):
        [result async for result in client.execute(build_confirmations(3))]
    assert len(stub_server.requests) == 1


async def test_batches_are_retried_after_grpc_internal_error(client: OrderTrail, stub_server: StubServer) -> None:
    answers: list[Failure] = [(grpc.StatusCode.INTERNAL, "no details")]
    stub_server.batches = lambda batch: answers.pop() if answers else accept_all(batch)
    results = [result async for result in client.execute(build_confirmations(3))]
    assert list_order_ids(results) == ["r-0", "r-1", "r-2"]
    assert answers == []


async def test_execute_raises_unavailable_when_patience_is_over(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.batches = lambda _: AWAY
    with pytest.raises(Unavailable, match="away"):
        [result async for result in client.execute(build_confirmations(1), patience=0.5)]
    assert {request.commands[0].confirm_order.request_id for request in stub_server.requests} == {"r-0"}


async def test_execute_raises_unavailable_if_server_never_answers(stub_server: StubServer) -> None:
    request_arrived = asyncio.Event()

    async def never_answer(request: object, context: object) -> None:
        request_arrived.set()
        await asyncio.Event().wait()

    stub_server.record = never_answer  # type: ignore[method-assign]  # the stub ends with the test
    async with serve_stub(stub_server, timeout=0.2) as client:
        await client.reach(30)
        with pytest.raises(Unavailable, match=r"within 0\.2 seconds"):
            [result async for result in client.execute(build_confirmations(1), patience=0.3)]
    assert request_arrived.is_set()


async def test_closing_results_early_ends_all_tasks(client: OrderTrail) -> None:
    before = asyncio.all_tasks()
    results = client.execute(build_confirmations(5000), batch_size=10)
    first = await anext(results)
    await results.aclose()
    assert first.receipt.request_id == "r-0"
    assert {task for task in asyncio.all_tasks() - before if "BatchStream" in repr(task)} == set()


async def test_item_of_wrong_type_raises_type_error(client: OrderTrail) -> None:
    with pytest.raises(TypeError, match="str is not a command"):
        await anext(client.execute(["confirm o-1"]))  # type: ignore[list-item]  # as a caller may err
    with pytest.raises(TypeError, match="bytes"):
        await anext(client.import_documents([b"{}"]))  # type: ignore[list-item]  # as a caller may err
