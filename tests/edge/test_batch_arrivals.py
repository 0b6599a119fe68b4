"""Batches are read from a stream while memory allows, and until the server stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import closing

from ordertrail_server.edge.admission import BatchAdmission
from ordertrail_server.edge.batch_arrivals import BatchArrivals
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.validation import BATCH_BYTES


async def arrived_requests(*requests: bytes) -> AsyncGenerator[bytes, None]:
    """Yield requests that have all arrived."""
    for request in requests:
        yield request


async def queued_requests(queue: "asyncio.Queue[bytes]") -> AsyncGenerator[bytes, None]:
    """Yield requests that a test puts into the queue."""
    while True:
        yield await queue.get()


def build_arrivals(
    requests: AsyncIterator[bytes], draining: Draining | None = None, admission: BatchAdmission | None = None
) -> BatchArrivals:
    return BatchArrivals(requests, admission or BatchAdmission(BATCH_BYTES), draining or Draining())


async def read_all(batches: BatchArrivals) -> list[bytes]:
    batches_read = []
    while (batch := await batches.next()) is not None:
        batches_read.append(batch)
    return batches_read


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_batches_are_read_until_the_stream_ends() -> None:
    assert await read_all(build_arrivals(arrived_requests(b"1", b"2"))) == [b"1", b"2"]


async def test_draining_ends_the_wait_for_the_next_batch() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    read_task = asyncio.create_task(read_all(build_arrivals(queued_requests(queue), draining)))
    queue.put_nowait(b"1")
    await settle()
    assert not read_task.done()
    draining.begin()
    assert await read_task == [b"1"]


async def test_batch_that_arrives_when_draining_begins_is_read() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    read_task = asyncio.create_task(read_all(build_arrivals(queued_requests(queue), draining)))
    await settle()
    queue.put_nowait(b"1")
    draining.begin()
    assert await read_task == [b"1"]


async def test_batches_that_arrived_before_draining_are_read() -> None:
    draining, queue = Draining(), asyncio.Queue[bytes]()
    batches = build_arrivals(queued_requests(queue), draining)
    queue.put_nowait(b"1")
    assert await batches.next() == b"1"
    queue.put_nowait(b"2")
    draining.begin()
    assert await read_all(batches) == [b"2"]


async def test_stream_opened_while_draining_yields_only_arrived_batches() -> None:
    draining = Draining()
    draining.begin()
    assert await read_all(build_arrivals(arrived_requests(b"1", b"2"), draining)) == [b"1", b"2"]
    assert await read_all(build_arrivals(queued_requests(asyncio.Queue()), draining)) == []


async def test_cancelled_call_leaves_no_task_and_no_reservation() -> None:
    tasks_before, admission = asyncio.all_tasks(), BatchAdmission(BATCH_BYTES)

    async def take() -> None:
        with closing(build_arrivals(queued_requests(asyncio.Queue()), admission=admission)) as batches:
            await batches.next()

    wait_task = asyncio.create_task(take())
    await settle()
    wait_task.cancel()
    await settle()
    assert wait_task.cancelled()
    assert asyncio.all_tasks() == tasks_before
    async with asyncio.timeout(5):
        await admission.reserve(BATCH_BYTES)


async def test_batch_is_read_only_after_bytes_of_the_largest_are_reserved() -> None:
    admission, queue = BatchAdmission(BATCH_BYTES), asyncio.Queue[bytes]()
    first, second = (
        build_arrivals(arrived_requests(b"1"), admission=admission),
        build_arrivals(queued_requests(queue), admission=admission),
    )
    assert await first.next() == b"1"
    queue.put_nowait(b"2")
    read_task = asyncio.create_task(second.next())
    await settle()
    assert not read_task.done()
    assert queue.qsize() == 1
    first.close()
    assert await read_task == b"2"


async def test_idle_stream_releases_its_reservation() -> None:
    admission, queue = BatchAdmission(BATCH_BYTES), asyncio.Queue[bytes]()
    wait_task = asyncio.create_task(build_arrivals(queued_requests(queue), admission=admission).next())
    async with asyncio.timeout(5):
        assert await build_arrivals(arrived_requests(b"1"), admission=admission).next() == b"1"
    assert not wait_task.done()
    wait_task.cancel()


async def test_reservations_are_granted_in_order_and_cancelled_ones_skipped() -> None:
    admission = BatchAdmission(BATCH_BYTES)
    await admission.reserve(BATCH_BYTES - 10)
    large = asyncio.create_task(admission.reserve(100))
    small = asyncio.create_task(admission.reserve(10))
    await settle()
    assert not small.done()
    large.cancel()
    async with asyncio.timeout(5):
        await small


async def test_end_of_idle_stream_needs_no_reservation() -> None:
    admission, stream_ends = BatchAdmission(BATCH_BYTES), asyncio.Event()

    async def silent_requests() -> AsyncGenerator[bytes, None]:
        await stream_ends.wait()
        return
        yield b""

    idle_wait = asyncio.create_task(build_arrivals(silent_requests(), admission=admission).next())
    async with asyncio.timeout(5):
        await settle()
        await admission.reserve(BATCH_BYTES)  # which the idle stream releases
        wait_task = asyncio.create_task(admission.reserve(1))
        await settle()
        stream_ends.set()
        assert await idle_wait is None
    wait_task.cancel()
