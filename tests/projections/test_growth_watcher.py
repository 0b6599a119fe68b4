"""The watcher reports every growth of a log that other processes write, and every failed wait."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from tests.log.contract import build_entries
from tests.log.memory import MemoryLog
from tests.projections.engine_files import open_history_engine

from ordertrail_server.log.port import Logged, LogUnavailable
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.growth_watcher import GrowthWatcher
from ordertrail_server.projections.process import ParentGone, ParentPipe, follow

SOON = 60.0


class FaultyLog(MemoryLog):
    async def wait(self, partition: int, offset: int) -> None:
        raise OSError("too many open files")


class UnavailableLog(MemoryLog):
    async def wait(self, partition: int, offset: int) -> None:
        raise LogUnavailable


class WokenWatcher:
    def __init__(self, log: MemoryLog) -> None:
        self._woken = asyncio.Event()
        self.growth = GrowthWatcher(log, self._woken.set)

    async def take_grown(self) -> set[int]:
        await asyncio.wait_for(self._woken.wait(), SOON)
        self._woken.clear()
        return self.growth.take_grown()


async def test_growth_during_the_fold_of_other_partitions_is_reported() -> None:
    log = MemoryLog(partitions=3)
    watcher = WokenWatcher(log)
    watcher.growth.watch({0: 0, 1: 0, 2: 0})
    await log.append(1, build_entries(1))
    assert await watcher.take_grown() == {1}
    await log.append(2, build_entries(1))
    watcher.growth.watch({0: 0, 1: 1, 2: 0})
    assert await watcher.take_grown() == {2}
    await log.append(1, build_entries(1))
    assert await watcher.take_grown() == {1}


async def test_partition_that_is_not_folded_to_its_end_is_reported_as_grown() -> None:
    log = MemoryLog()
    watcher = WokenWatcher(log)
    await log.append(0, build_entries(2))
    watcher.growth.watch({0: 0})
    assert await watcher.take_grown() == {0}
    watcher.growth.watch({0: 1})
    assert await watcher.take_grown() == {0}


async def test_error_of_a_failed_wait_is_raised() -> None:
    watcher = WokenWatcher(FaultyLog())
    watcher.growth.watch({0: 0})
    with pytest.raises(OSError, match="too many open files"):
        await watcher.take_grown()


async def test_partition_of_an_unavailable_log_counts_as_grown() -> None:
    watcher = WokenWatcher(UnavailableLog())
    watcher.growth.watch({0: 0})
    assert await watcher.take_grown() == {0}


class FloodedLog(MemoryLog):
    """Grows in partition 0 as fast as it is read."""

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        if partition == 0:
            await self.append(0, build_entries(limit))
        await asyncio.sleep(0)
        return await super().read(partition, offset, limit)


async def test_fast_growing_partition_does_not_delay_the_others(tmp_path: Path) -> None:
    log, pipe = FloodedLog(partitions=2), ParentPipe()
    engine = await open_history_engine(log, tmp_path, batch=1)
    projection = asyncio.create_task(follow(engine, tmp_path, pipe, GrowthWatcher(log, pipe.wake)))
    try:
        async with asyncio.timeout(SOON):
            for end in (1, 2, 3):
                await log.append(1, build_entries(1))
                while engine.positions[ORDERS][1] < end:  # noqa: ASYNC110  (no event signals it)
                    await asyncio.sleep(0.001)
        assert not projection.done()
    finally:
        pipe.connection_lost(None)
        with suppress(ParentGone):
            await projection
        engine.close()
