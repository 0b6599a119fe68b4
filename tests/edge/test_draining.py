"""A stream of requests ends between two of them when the server stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from ordertrail_server.edge.draining import Draining


async def at_hand(*requests: bytes) -> AsyncGenerator[bytes, None]:
    """Requests that have all arrived."""
    for request in requests:
        yield request


async def coming(queue: "asyncio.Queue[bytes]") -> AsyncGenerator[bytes, None]:
    """Requests that arrive when a test says so."""
    while True:
        yield await queue.get()


async def listed(requests: AsyncIterator[bytes]) -> list[bytes]:
    return [request async for request in requests]


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_without_a_drain_requests_are_passed_on_until_they_end() -> None:
    assert await listed(Draining().until_begun(at_hand(b"1", b"2"))) == [b"1", b"2"]


async def test_a_drain_ends_the_wait_for_the_next_request() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    passed_on = asyncio.create_task(listed(draining.until_begun(coming(queue))))
    queue.put_nowait(b"1")
    await settle()
    assert not passed_on.done()
    draining.begin()
    assert await passed_on == [b"1"]


async def test_a_request_that_arrives_in_the_moment_of_the_drain_is_passed_on() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    passed_on = asyncio.create_task(listed(draining.until_begun(coming(queue))))
    await settle()
    queue.put_nowait(b"1")
    draining.begin()
    assert await passed_on == [b"1"]


async def test_requests_that_arrived_while_one_was_answered_are_passed_on_although_a_drain_has_begun() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    async with aclosing(draining.until_begun(coming(queue))) as requests:
        queue.put_nowait(b"1")
        assert await anext(requests) == b"1"
        queue.put_nowait(b"2")
        draining.begin()
        assert await listed(requests) == [b"2"]


async def test_a_drain_that_began_before_passes_on_what_is_at_hand_and_ends_at_once_if_nothing_is() -> None:
    draining = Draining()
    draining.begin()
    assert await listed(draining.until_begun(at_hand(b"1", b"2"))) == [b"1", b"2"]
    assert await listed(draining.until_begun(coming(asyncio.Queue()))) == []


async def test_a_call_that_is_cancelled_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    waiting = asyncio.create_task(listed(Draining().until_begun(coming(asyncio.Queue()))))
    await settle()
    waiting.cancel()
    await settle()
    assert waiting.cancelled()
    assert asyncio.all_tasks() == before
