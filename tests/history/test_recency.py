"""Recency: the latest time at which the read model included the whole log."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.log.contract import build_entries
from tests.log.memory import MemoryLog

from ordertrail_server.history import recency as module
from ordertrail_server.history.recency import FollowingRecency, Recency
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry, LogDamaged, LogUnavailable
from ordertrail_server.log.progress import Progress


class TickingClock:
    """A clock that advances by one tick with each reading; `wait_ticks` waits for that many readings."""

    def __init__(self) -> None:
        self.ticks = 0
        self._read = asyncio.Condition()
        self._notifications: set[asyncio.Task[None]] = set()

    def __call__(self) -> int:
        self.ticks += 1
        notification = asyncio.ensure_future(self._notify())
        self._notifications.add(notification)
        notification.add_done_callback(self._notifications.discard)
        return self.ticks

    async def wait_ticks(self, ticks: int) -> None:
        async with asyncio.timeout(10), self._read:
            await self._read.wait_for(lambda: self.ticks >= ticks)

    async def _notify(self) -> None:
        async with self._read:
            self._read.notify_all()


@contextmanager
def run_refreshes(recency: Recency) -> Iterator["asyncio.Task[None]"]:
    refreshes = asyncio.ensure_future(recency.run())
    try:
        yield refreshes
    finally:
        refreshes.cancel()


async def test_current_at_pauses_while_the_log_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    log = EmbeddedLog.create(tmp_path)

    async def end(partition: int, known_end: int) -> int:
        return await log.end(partition, known_end)

    await log.append(0, build_entries(1))
    clock, progress = TickingClock(), Progress()
    progress.advance({0: 1})
    recency = Recency(end, 1, progress, clock=clock)
    assert recency.current_at is None
    with run_refreshes(recency):
        await clock.wait_ticks(2)
        await log.close()
        paused_at = recency.current_at
        assert paused_at is not None
        await clock.wait_ticks(clock.ticks + 3)
        assert recency.current_at == paused_at
        log = EmbeddedLog.open(tmp_path)
        ticks = clock.ticks
        await clock.wait_ticks(ticks + 3)
        assert recency.current_at > ticks
    await log.close()


async def test_current_at_is_the_time_of_the_query_when_its_ends_are_projected(tmp_path: Path) -> None:
    log, progress = MemoryLog(partitions=2), Progress()
    recency = Recency(log.end, 2, progress, clock=iter(count(100)).__next__)
    log.land(1, Entry("o", b"any"))
    refresh = asyncio.ensure_future(recency.refresh())
    for positions in ({0: 0, 1: 0}, {0: 5}):
        progress.advance(positions)
        await asyncio.sleep(0)
        assert (recency.current_at, refresh.done()) == (None, False)
    log.land(1, Entry("o", b"later"))
    progress.advance({1: 1})
    await refresh
    assert recency.current_at == 100


async def test_query_of_an_end_passes_the_projected_offset(tmp_path: Path) -> None:
    queries = list[tuple[int, int]]()

    async def end(partition: int, known_end: int) -> int:
        queries.append((partition, known_end))
        return known_end

    progress = Progress()
    progress.advance({0: 3, 1: 4})
    await Recency(end, 2, progress).refresh()
    assert queries == [(0, 3), (1, 4)]


async def test_damage_ends_the_refreshes(tmp_path: Path) -> None:
    async def end(partition: int, known_end: int) -> int:
        raise LogDamaged("facts are lost")

    async with asyncio.timeout(10):
        with pytest.raises(LogDamaged):
            await Recency(end, 1, Progress()).run()


async def test_single_refresh_raises_if_the_log_is_unavailable(tmp_path: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    await log.close()
    with pytest.raises(LogUnavailable):
        await Recency(log.end, 1, Progress()).refresh()


async def test_projection_that_is_further_behind_keeps_an_older_time_until_it_has_caught_up() -> None:
    log, faster, slower = MemoryLog(), Progress(), Progress()
    clock = count(1)
    recency = Recency(log.end, 1, faster, clock=lambda: next(clock))
    following = FollowingRecency(slower)
    recency.add_follower(following)
    await log.append(0, build_entries(1))
    faster.advance({0: 1})
    await recency.refresh()
    assert (recency.current_at, following.current_at) == (1, None)
    await log.append(0, build_entries(1))
    faster.advance({0: 2})
    await recency.refresh()
    slower.advance({0: 1})
    assert (recency.current_at, following.current_at) == (2, 1)
    slower.advance({0: 2})
    await recency.refresh()
    assert following.current_at == 3
