import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc.status_pb2 import Status
from tests.client.stand_in import AWAY, Failure, StandIn, accept_all, serving

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


def confirmations(count: int) -> list[Request]:
    return [ConfirmOrderRequest(order_id=f"o-{number}", request_id=f"r-{number}") for number in range(count)]


def ids(results: list[CommandResult]) -> list[str]:
    return [result.receipt.request_id for result in results]


async def test_each_command_gets_one_result_in_its_order(client: OrderTrail, stand_in: StandIn) -> None:
    results = [result async for result in client.execute(confirmations(1001), batch_size=100)]
    assert ids(results) == [f"r-{number}" for number in range(1001)]
    assert max(len(request.commands) for request in stand_in.seen) == 100


async def test_no_commands_have_no_results(client: OrderTrail) -> None:
    assert [result async for result in client.execute([])] == []


async def test_a_refused_command_stops_nothing(client: OrderTrail, stand_in: StandIn) -> None:
    refused = CommandResult(status=Status(code=9, message="no"))

    def refuse_second(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse:
        response = accept_all(batch)
        response.results[1].CopyFrom(refused)
        return response

    stand_in.batches = refuse_second
    results = [result async for result in client.execute(confirmations(3))]
    assert ids(results) == ["r-0", "", "r-2"]
    assert results[1] == refused


@pytest.mark.parametrize("answered", range(6))
async def test_batches_cut_off_are_sent_again_with_the_same_request_ids(
    client: OrderTrail, stand_in: StandIn, answered: int
) -> None:
    cuts = [answered]

    def cut_once(batch: ExecuteCommandsRequest) -> ExecuteCommandsResponse | Failure:
        cuts[0] -= 1
        return AWAY if cuts[0] == -1 else accept_all(batch)

    stand_in.batches = cut_once
    results = [result async for result in client.execute(confirmations(60), batch_size=10, in_flight=3)]
    assert ids(results) == [f"r-{number}" for number in range(60)]
    assert len(stand_in.seen) > 6


async def test_a_slow_source_is_not_held_back(client: OrderTrail) -> None:
    answered = asyncio.Event()

    async def one_after_the_other() -> AsyncIterator[Request]:
        for command in confirmations(3):
            answered.clear()
            yield command
            await answered.wait()

    results = []
    async for result in client.execute(one_after_the_other()):
        results.append(result)
        answered.set()
    assert ids(results) == ["r-0", "r-1", "r-2"]


async def test_what_the_source_raises_comes_after_the_results_of_what_it_gave(client: OrderTrail) -> None:
    async def breaking() -> AsyncIterator[Request]:
        yield ConfirmOrderRequest(order_id="o-1", request_id="r-1")
        raise LookupError("no more")

    results = client.execute(breaking())
    assert ids([await anext(results)]) == ["r-1"]
    with pytest.raises(LookupError, match="no more"):
        await anext(results)


async def test_a_batch_is_bounded_in_bytes_too(client: OrderTrail, stand_in: StandIn) -> None:
    large = [CancelOrderRequest(order_id=f"o-{number}", reason="x" * 100_000) for number in range(7)]
    results = [result async for result in client.execute(large)]
    assert len(results) == 7
    assert max(request.ByteSize() for request in stand_in.seen) < 300_000


async def test_an_error_that_no_retry_can_mend_is_raised_at_once(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.batches = lambda _: (grpc.StatusCode.INVALID_ARGUMENT, "too many commands")
    with pytest.raises(InvalidRequest, match="too many commands"):
        [result async for result in client.execute(confirmations(3))]
    assert len(stand_in.seen) == 1


async def test_a_stream_that_ends_with_grpc_s_own_internal_is_taken_up_again(
    client: OrderTrail, stand_in: StandIn
) -> None:
    answers: list[Failure] = [(grpc.StatusCode.INTERNAL, "no details")]
    stand_in.batches = lambda batch: answers.pop() if answers else accept_all(batch)
    results = [result async for result in client.execute(confirmations(3))]
    assert ids(results) == ["r-0", "r-1", "r-2"]
    assert answers == []


async def test_patience_with_a_server_that_stays_away_ends(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.batches = lambda _: AWAY
    with pytest.raises(Unavailable, match="away"):
        [result async for result in client.execute(confirmations(1), patience=0.5)]
    assert {request.commands[0].confirm_order.request_id for request in stand_in.seen} == {"r-0"}


async def test_a_server_that_never_answers_is_unavailable(stand_in: StandIn) -> None:
    asked = asyncio.Event()

    async def hang(request: object, context: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    stand_in.note = hang  # type: ignore[method-assign]
    async with serving(stand_in, timeout=0.2) as client:
        await client.reach(30)
        with pytest.raises(Unavailable, match=r"within 0\.2 seconds"):
            [result async for result in client.execute(confirmations(1), patience=0.3)]
    assert asked.is_set()


async def test_leaving_early_leaves_no_task_behind(client: OrderTrail) -> None:
    before = asyncio.all_tasks()
    results = client.execute(confirmations(5000), batch_size=10)
    first = await anext(results)
    await results.aclose()
    assert first.receipt.request_id == "r-0"
    assert {task for task in asyncio.all_tasks() - before if "Batches" in repr(task)} == set()


async def test_an_item_of_the_wrong_kind_is_told(client: OrderTrail) -> None:
    with pytest.raises(TypeError, match="str is no command"):
        await anext(client.execute(["confirm o-1"]))  # type: ignore[list-item]
    with pytest.raises(TypeError, match="bytes"):
        await anext(client.import_documents([b"{}"]))  # type: ignore[list-item]
