"""Answers say until when they include all that the log held, and never claim more."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.log.contract import entries
from tests.log.memory import MemoryLog

from ordertrail_server.history import recency as module
from ordertrail_server.history.progress import Progress
from ordertrail_server.history.recency import Recency
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry, LogDamaged, LogUnavailable

FOR_EVER = 3600.0
SECOND = 1_000_000_000


class Ticking:
    """A clock that is one tick further whenever it is looked at; `at` returns once it was looked at so often."""

    def __init__(self) -> None:
        self.ticks = 0
        self._looked = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()

    def __call__(self) -> int:
        self.ticks += 1
        telling = asyncio.ensure_future(self._tell())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        return self.ticks

    async def at(self, ticks: int) -> None:
        async with asyncio.timeout(10), self._looked:
            await self._looked.wait_for(lambda: self.ticks >= ticks)

    async def _tell(self) -> None:
        async with self._looked:
            self._looked.notify_all()


@contextmanager
def kept(recency: Recency) -> Iterator["asyncio.Task[None]"]:
    keeping = asyncio.ensure_future(recency.run())
    try:
        yield keeping
    finally:
        keeping.cancel()


async def test_current_at_pauses_while_the_log_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    log = EmbeddedLog.create(tmp_path)

    async def end(partition: int, known_end: int) -> int:
        return await log.end(partition, known_end)

    await log.append(0, entries(1))
    clock, progress = Ticking(), Progress()
    progress.advance({0: 1})
    recency = Recency(end, 1, progress, clock=clock)
    assert recency.current_at is None
    with kept(recency):
        await clock.at(2)
        await log.close()
        stands = recency.current_at
        assert stands is not None
        await clock.at(clock.ticks + 3)
        assert recency.current_at == stands
        log = EmbeddedLog.open(tmp_path)
        back = clock.ticks
        await clock.at(back + 3)
        assert recency.current_at > back
    await log.close()


async def test_current_at_is_the_time_of_the_query_once_its_ends_are_projected(tmp_path: Path) -> None:
    log, progress = MemoryLog(partitions=2), Progress()
    recency = Recency(log.end, 2, progress, clock=iter(count(100)).__next__)
    log.land(1, Entry("o", b"any"))
    looking = asyncio.ensure_future(recency.refresh())
    for positions in ({0: 0, 1: 0}, {0: 5}):
        progress.advance(positions)
        await asyncio.sleep(0)
        assert (recency.current_at, looking.done()) == (None, False)
    log.land(1, Entry("o", b"later"))
    progress.advance({1: 1})
    await looking
    assert recency.current_at == 100


async def test_query_of_an_end_passes_the_projected_offset(tmp_path: Path) -> None:
    asked = list[tuple[int, int]]()

    async def end(partition: int, known_end: int) -> int:
        asked.append((partition, known_end))
        return known_end

    progress = Progress()
    progress.advance({0: 3, 1: 4})
    await Recency(end, 2, progress).refresh()
    assert asked == [(0, 3), (1, 4)]


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
