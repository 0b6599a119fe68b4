import asyncio

import pytest

from ordertrail_server.history.progress import Progress


async def test_what_is_projected_already_is_not_waited_for() -> None:
    progress = Progress()
    progress.advance({0: 5, 1: 2})
    async with asyncio.timeout(1):
        await progress.wait_reached({0: 5})
        await progress.wait_reached({0: 3, 1: 2})
        await progress.wait_beyond({0: 4, 1: 2})


async def test_a_wait_ends_with_the_advance_that_reaches_it_and_not_before() -> None:
    progress = Progress()
    waiting = asyncio.create_task(progress.wait_reached({0: 5, 1: 2}))
    for positions in ({0: 5}, {1: 1}):
        progress.advance(positions)
        await asyncio.sleep(0)
        assert not waiting.done()
    progress.advance({1: 2})
    async with asyncio.timeout(1):
        await waiting


async def test_beyond_ends_when_any_partition_moves_on() -> None:
    progress = Progress()
    progress.advance({0: 5, 1: 2})
    waiting = asyncio.create_task(progress.wait_beyond({0: 5, 1: 2}))
    await asyncio.sleep(0)
    assert not waiting.done()
    progress.advance({0: 5, 1: 3})
    async with asyncio.timeout(1):
        await waiting


async def test_progress_never_goes_back() -> None:
    progress = Progress()
    progress.advance({0: 5})
    progress.advance({0: 3})
    assert progress.positions == {0: 5}


async def test_an_advance_wakes_only_those_whose_wait_it_ends() -> None:
    progress = Progress()
    waiting = [asyncio.create_task(progress.wait_reached({0: wanted})) for wanted in range(1, 1001)]
    await asyncio.sleep(0)
    progress.advance({0: 400})
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True] * 400 + [False] * 600
    progress.advance({0: 1000})
    await asyncio.gather(*waiting)


async def test_a_wait_given_up_leaves_nothing_behind_and_disturbs_nobody() -> None:
    progress = Progress()
    given_up, other = (asyncio.create_task(progress.wait_reached({0: 1})) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    progress.advance({0: 1})
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await other
