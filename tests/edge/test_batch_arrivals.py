"""Batches are taken from a stream when there is room for them, and none is taken once the server stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import closing

from ordertrail_server.edge.admission import BatchAdmission
from ordertrail_server.edge.batch_arrivals import BatchArrivals
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.validation import BATCH_BYTES


async def at_hand(*requests: bytes) -> AsyncGenerator[bytes, None]:
    """Requests that have all arrived."""
    for request in requests:
        yield request


async def coming(queue: "asyncio.Queue[bytes]") -> AsyncGenerator[bytes, None]:
    """Requests that arrive when a test says so."""
    while True:
        yield await queue.get()


def arrivals(
    requests: AsyncIterator[bytes], draining: Draining | None = None, admission: BatchAdmission | None = None
) -> BatchArrivals:
    return BatchArrivals(requests, admission or BatchAdmission(BATCH_BYTES), draining or Draining())


async def listed(batches: BatchArrivals) -> list[bytes]:
    taken = []
    while (batch := await batches.next()) is not None:
        taken.append(batch)
    return taken


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_without_a_drain_batches_are_taken_until_they_end() -> None:
    assert await listed(arrivals(at_hand(b"1", b"2"))) == [b"1", b"2"]


async def test_a_drain_ends_the_wait_for_the_next_batch() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    taking = asyncio.create_task(listed(arrivals(coming(queue), draining)))
    queue.put_nowait(b"1")
    await settle()
    assert not taking.done()
    draining.begin()
    assert await taking == [b"1"]


async def test_a_batch_that_arrives_in_the_moment_of_the_drain_is_taken() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    taking = asyncio.create_task(listed(arrivals(coming(queue), draining)))
    await settle()
    queue.put_nowait(b"1")
    draining.begin()
    assert await taking == [b"1"]


async def test_batches_that_arrived_while_one_was_answered_are_taken_although_a_drain_has_begun() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    batches = arrivals(coming(queue), draining)
    queue.put_nowait(b"1")
    assert await batches.next() == b"1"
    queue.put_nowait(b"2")
    draining.begin()
    assert await listed(batches) == [b"2"]


async def test_a_drain_that_began_before_takes_what_is_at_hand_and_ends_at_once_if_nothing_is() -> None:
    draining = Draining()
    draining.begin()
    assert await listed(arrivals(at_hand(b"1", b"2"), draining)) == [b"1", b"2"]
    assert await listed(arrivals(coming(asyncio.Queue()), draining)) == []


async def test_a_call_that_is_cancelled_leaves_no_task_behind_and_holds_no_room() -> None:
    before, admission = asyncio.all_tasks(), BatchAdmission(BATCH_BYTES)

    async def take() -> None:
        with closing(arrivals(coming(asyncio.Queue()), admission=admission)) as batches:
            await batches.next()

    waiting = asyncio.create_task(take())
    await settle()
    waiting.cancel()
    await settle()
    assert waiting.cancelled()
    assert asyncio.all_tasks() == before
    async with asyncio.timeout(5):
        await admission.reserve(BATCH_BYTES)


async def test_a_batch_is_not_taken_from_its_stream_until_there_is_room_for_the_largest() -> None:
    admission, queue = BatchAdmission(BATCH_BYTES), asyncio.Queue[bytes]()
    first, second = arrivals(at_hand(b"1"), admission=admission), arrivals(coming(queue), admission=admission)
    assert await first.next() == b"1"
    queue.put_nowait(b"2")
    taking = asyncio.create_task(second.next())
    await settle()
    assert not taking.done()
    assert queue.qsize() == 1
    first.close()
    assert await taking == b"2"


async def test_a_silent_stream_keeps_no_room() -> None:
    admission, queue = BatchAdmission(BATCH_BYTES), asyncio.Queue[bytes]()
    waiting = asyncio.create_task(arrivals(coming(queue), admission=admission).next())
    async with asyncio.timeout(5):
        assert await arrivals(at_hand(b"1"), admission=admission).next() == b"1"
    assert not waiting.done()
    waiting.cancel()


async def test_batches_wait_in_the_order_in_which_they_came_and_a_cancelled_one_lets_others_by() -> None:
    admission = BatchAdmission(BATCH_BYTES)
    await admission.reserve(BATCH_BYTES - 10)
    large = asyncio.create_task(admission.reserve(100))
    small = asyncio.create_task(admission.reserve(10))
    await settle()
    assert not small.done()
    large.cancel()
    async with asyncio.timeout(5):
        await small


async def test_the_end_of_a_silent_stream_waits_for_no_room() -> None:
    admission, ending = BatchAdmission(BATCH_BYTES), asyncio.Event()

    async def until_ending() -> AsyncGenerator[bytes, None]:
        await ending.wait()
        return
        yield b""

    silent = asyncio.create_task(arrivals(until_ending(), admission=admission).next())
    async with asyncio.timeout(5):
        await settle()
        await admission.reserve(BATCH_BYTES)  # which the silent stream gives back
        waiting = asyncio.create_task(admission.reserve(1))
        await settle()
        ending.set()
        assert await silent is None
    waiting.cancel()
