"""Neither unary commands nor batches delay each other at the writer."""

import asyncio

import pytest
from tests.commands.running_writer import RunningWriter, require_accepted, require_refusal_reason
from tests.commands.sample_requests import build_confirm_order, build_place_order, prepare_attempt
from tests.log.memory import MemoryLog

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.orders.refusal import Refused


def prepare_batch(count: int) -> list[Attempt]:
    """Return the attempts of a batch, each on its own order."""
    attempts = [prepare_attempt(build_place_order(f"batched-{number}", f"order-{number}")) for number in range(count)]
    for attempt in attempts:
        attempt.is_batched = True
    return attempts


async def test_unary_command_does_not_wait_for_queued_batches() -> None:
    async with RunningWriter(MemoryLog(), capacity=3_000) as server:
        batch = prepare_batch(3_000)
        for attempt in batch:
            server.writer.queue.submit(attempt)
        [answer] = await server.handle(build_place_order("unary", "order-unary"))
        assert require_accepted(answer).fact.version == 1
        assert not batch[-1].answer.done()
        async with asyncio.timeout(30):
            assert require_accepted(await batch[-1].answer).fact.version == 1


async def test_batches_progress_under_constant_unary_load() -> None:
    async with RunningWriter(MemoryLog(), capacity=3_000) as server:
        batch = prepare_batch(300)
        for attempt in batch:
            server.writer.queue.submit(attempt)
        number = 0
        async with asyncio.timeout(30):
            while not batch[-1].answer.done():
                number += 1
                await server.handle(build_place_order(f"unary-{number}", f"order-unary-{number}"))
    assert all(require_accepted(attempt.answer.result()).fact.version == 1 for attempt in batch)


async def test_full_batch_lane_refuses_no_unary_command() -> None:
    async with RunningWriter(MemoryLog(), capacity=2) as server:
        queue = server.writer.queue
        for attempt in prepare_batch(2):
            queue.submit(attempt)
        [third] = prepare_batch(1)
        assert not queue.has_space(third)
        with pytest.raises(Refused) as error:
            queue.submit(third)
        assert require_refusal_reason(error.value.refusal) == "OVERLOADED"
        [answer] = await server.handle(build_place_order("unary", "order-unary"))
    assert require_accepted(answer).fact.version == 1


async def test_batched_commands_of_an_order_stay_in_order_among_unary_ones() -> None:
    async with RunningWriter(MemoryLog(), capacity=3_000) as server:
        batch = [build_place_order("place", "order-0"), build_confirm_order("confirm", "order-0")]
        attempts = [*prepare_batch(2_000)[1:], *(prepare_attempt(request) for request in batch)]
        for attempt in attempts:
            attempt.is_batched = True
            server.writer.queue.submit(attempt)
        await server.handle(build_place_order("unary", "order-unary"))
        async with asyncio.timeout(30):
            answers = [await attempt.answer for attempt in attempts[-2:]]
    assert [require_accepted(answer).fact.version for answer in answers] == [1, 2]
