import asyncio

import pytest

from ordertrail_server.log.progress import Progress


async def test_wait_for_projected_offsets_returns_at_once() -> None:
    progress = Progress()
    progress.advance({0: 5, 1: 2})
    async with asyncio.timeout(1):
        await progress.wait_reached({0: 5})
        await progress.wait_reached({0: 3, 1: 2})
        await progress.wait_beyond({0: 4, 1: 2})


async def test_wait_ends_with_the_advance_that_reaches_its_offsets() -> None:
    progress = Progress()
    wait = asyncio.create_task(progress.wait_reached({0: 5, 1: 2}))
    for positions in ({0: 5}, {1: 1}):
        progress.advance(positions)
        await asyncio.sleep(0)
        assert not wait.done()
    progress.advance({1: 2})
    async with asyncio.timeout(1):
        await wait


async def test_wait_beyond_ends_when_any_partition_advances() -> None:
    progress = Progress()
    progress.advance({0: 5, 1: 2})
    wait = asyncio.create_task(progress.wait_beyond({0: 5, 1: 2}))
    await asyncio.sleep(0)
    assert not wait.done()
    progress.advance({0: 5, 1: 3})
    async with asyncio.timeout(1):
        await wait


async def test_progress_never_goes_back() -> None:
    progress = Progress()
    progress.advance({0: 5})
    progress.advance({0: 3})
    assert progress.positions == {0: 5}


async def test_advance_wakes_only_the_waits_that_it_ends() -> None:
    progress = Progress()
    waits = [asyncio.create_task(progress.wait_reached({0: offset})) for offset in range(1, 1001)]
    await asyncio.sleep(0)
    progress.advance({0: 400})
    await asyncio.sleep(0)
    assert [task.done() for task in waits] == [True] * 400 + [False] * 600
    progress.advance({0: 1000})
    await asyncio.gather(*waits)


async def test_cancelled_wait_is_forgotten_and_ends_no_other_wait() -> None:
    progress = Progress()
    cancelled_wait, other_wait = (asyncio.create_task(progress.wait_reached({0: 1})) for _ in range(2))
    await asyncio.sleep(0)
    cancelled_wait.cancel()
    progress.advance({0: 1})
    with pytest.raises(asyncio.CancelledError):
        await cancelled_wait
    await other_wait


async def test_every_urgent_wait_is_reported_when_it_begins() -> None:
    reports = list[str]()
    progress = Progress(lambda: reports.append("wait"))
    progress.advance({0: 5})
    await progress.wait_reached({0: 5})
    await progress.wait_beyond({0: 4})
    assert reports == ["wait", "wait"]
    await progress.wait_reached({0: 5}, is_urgent=False)
    assert reports == ["wait", "wait"]
