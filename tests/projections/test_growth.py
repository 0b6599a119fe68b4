"""Whoever folds a log that others write to hears of all that is written, and of what keeps it from hearing."""

import asyncio

import pytest
from tests.log.contract import entries
from tests.log.memory import MemoryLog

from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.projections.growth import Growth

SOON = 10.0


class Faulty(MemoryLog):
    async def wait(self, partition: int, offset: int) -> None:
        raise OSError("too many open files")


class Cut(MemoryLog):
    async def wait(self, partition: int, offset: int) -> None:
        raise LogUnavailable


class Watched:
    def __init__(self, log: MemoryLog) -> None:
        self._woken = asyncio.Event()
        self.growth = Growth(log, self._woken.set)

    async def grown(self) -> set[int]:
        await asyncio.wait_for(self._woken.wait(), SOON)
        self._woken.clear()
        return self.growth.grown()


async def test_a_partition_that_grows_while_others_are_folded_is_heard_of_afterwards() -> None:
    log = MemoryLog(partitions=3)
    watched = Watched(log)
    watched.growth.watch({0: 0, 1: 0, 2: 0})
    await log.append(1, entries(1))
    assert await watched.grown() == {1}
    await log.append(2, entries(1))
    watched.growth.watch({0: 0, 1: 1, 2: 0})
    assert await watched.grown() == {2}
    await log.append(1, entries(1))
    assert await watched.grown() == {1}


async def test_a_partition_that_was_not_folded_to_its_end_has_grown_again_at_once() -> None:
    log = MemoryLog()
    watched = Watched(log)
    await log.append(0, entries(2))
    watched.growth.watch({0: 0})
    assert await watched.grown() == {0}
    watched.growth.watch({0: 1})
    assert await watched.grown() == {0}


async def test_a_fault_in_waiting_is_raised_rather_than_that_the_partition_stands_still() -> None:
    watched = Watched(Faulty())
    watched.growth.watch({0: 0})
    with pytest.raises(OSError, match="too many open files"):
        await watched.grown()


async def test_a_log_that_cannot_be_reached_counts_as_grown_for_that_is_found_by_looking() -> None:
    watched = Watched(Cut())
    watched.growth.watch({0: 0})
    assert await watched.grown() == {0}
