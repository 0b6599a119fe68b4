"""Neither unary commands nor batches delay each other at the writer."""

import asyncio

import pytest
from tests.commands.spec import RunningWriter, accepted, attempt_of, confirm, place, reason
from tests.log.memory import MemoryLog

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.orders.refusal import Refused


def batched(count: int) -> list[Attempt]:
    """Return the attempts of a batch, each on its own order."""
    attempts = [attempt_of(place(f"batched-{number}", f"order-{number}")) for number in range(count)]
    for attempt in attempts:
        attempt.is_batched = True
    return attempts


async def test_unary_command_does_not_wait_for_queued_batches() -> None:
    async with RunningWriter(MemoryLog(), capacity=3_000) as server:
        batch = batched(3_000)
        for attempt in batch:
            server.writer.queue.submit(attempt)
        [answer] = await server.handle(place("unary", "order-unary"))
        assert accepted(answer).fact.version == 1
        assert not batch[-1].answer.done()
        async with asyncio.timeout(30):
            assert accepted(await batch[-1].answer).fact.version == 1


async def test_batches_progress_under_constant_unary_load() -> None:
    async with RunningWriter(MemoryLog(), capacity=3_000) as server:
        batch = batched(300)
        for attempt in batch:
            server.writer.queue.submit(attempt)
        number = 0
        async with asyncio.timeout(30):
            while not batch[-1].answer.done():
                number += 1
                await server.handle(place(f"unary-{number}", f"order-unary-{number}"))
    assert all(accepted(attempt.answer.result()).fact.version == 1 for attempt in batch)


async def test_full_batch_lane_refuses_no_unary_command() -> None:
    async with RunningWriter(MemoryLog(), capacity=2) as server:
        queue = server.writer.queue
        for attempt in batched(2):
            queue.submit(attempt)
        [third] = batched(1)
        assert not queue.has_space(third)
        with pytest.raises(Refused) as raised:
            queue.submit(third)
        assert reason(raised.value.refusal) == "OVERLOADED"
        [answer] = await server.handle(place("unary", "order-unary"))
    assert accepted(answer).fact.version == 1


async def test_batched_commands_of_an_order_keep_their_sequence_beside_unary_ones() -> None:
    async with RunningWriter(MemoryLog(), capacity=3_000) as server:
        batch = [place("place", "order-0"), confirm("confirm", "order-0")]
        attempts = [*batched(2_000)[1:], *(attempt_of(request) for request in batch)]
        for attempt in attempts:
            attempt.is_batched = True
            server.writer.queue.submit(attempt)
        await server.handle(place("unary", "order-unary"))
        async with asyncio.timeout(30):
            answers = [await attempt.answer for attempt in attempts[-2:]]
    assert [accepted(answer).fact.version for answer in answers] == [1, 2]
