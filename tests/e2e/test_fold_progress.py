"""A server logs the progress of a long fold, and nothing about a short one."""

import asyncio
import logging
from collections.abc import Iterator, Mapping

import pytest

from ordertrail_server.fold_progress import log_fold_progress
from ordertrail_server.log.progress import Progress

ENDS = (700_000, 300_000)


@pytest.fixture(autouse=True)
def log_level(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


async def wait_for_line(caplog: pytest.LogCaptureFixture, line: str) -> None:
    async with asyncio.timeout(30):
        while line not in caplog.messages:  # noqa: ASYNC110 (no event reports a line)
            await asyncio.sleep(0.001)


async def test_long_fold_is_logged_once_for_each_position_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    orders, history = Progress(), Progress()
    task = asyncio.create_task(log_fold_progress({"orders": orders, "history": history}, ENDS, 0.001))
    orders.advance({0: 120_000, 1: 0})
    await wait_for_line(caplog, "folding the log: 120,000 of 1,000,000 records (orders)")
    history.advance({0: 0, 1: 20})
    await wait_for_line(caplog, "folding the log: 20 of 1,000,000 records (history)")
    orders.advance({0: 700_000, 1: 300_005})
    await wait_for_line(caplog, "folded the log: 1,000,000 records (orders)")
    assert not task.done()
    history.advance(dict(enumerate(ENDS)))
    await task
    assert len(caplog.messages) == len(set(caplog.messages)) == 4


async def test_fold_that_ends_within_the_pause_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress()
    task = asyncio.create_task(log_fold_progress({"orders": progress}, ENDS, 30.0))
    await asyncio.sleep(0)
    progress.advance(dict(enumerate(ENDS)))
    await task
    assert caplog.messages == []


async def test_fold_whose_position_is_not_known_yet_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    progress = CountedProgress()
    task = asyncio.create_task(log_fold_progress({"orders": progress}, ENDS, 0.001))
    async with asyncio.timeout(30):
        while progress.read_count < 5:  # noqa: ASYNC110 (no event reports a read)
            await asyncio.sleep(0.001)
    assert caplog.messages == []
    progress.advance(dict(enumerate(ENDS)))
    await task
    assert caplog.messages == []


class CountedProgress(Progress):
    """Counts how often its positions are read."""

    read_count = 0

    @property
    def positions(self) -> Mapping[int, int]:
        self.read_count += 1
        return super().positions
