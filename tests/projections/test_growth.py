"""Who is woken when a log grows that others write to."""

import asyncio

from tests.log.memory import MemoryLog

from ordertrail_server.log.port import Entry, LogUnavailable
from ordertrail_server.projections.growth import Growth

RECORD = Entry("order-1", b"any")


class Woken:
    """Counts how often it was woken, and waits for it."""

    def __init__(self) -> None:
        self.times = 0
        self._once_more = asyncio.Event()

    def wake(self) -> None:
        self.times += 1
        self._once_more.set()

    async def again(self) -> None:
        async with asyncio.timeout(10):
            await self._once_more.wait()
        self._once_more.clear()


class Cut(MemoryLog):
    """A log that cannot be reached."""

    async def wait(self, partition: int, offset: int) -> None:
        raise LogUnavailable


async def test_given_records_behind_a_position_whoever_folds_is_told_of_that_partition_once() -> None:
    log, woken = MemoryLog(partitions=3), Woken()
    growth = Growth(log, woken.wake)
    growth.watch({0: 0, 1: 0, 2: 0})
    log.land(1, RECORD)
    await woken.again()
    assert (growth.grown(), growth.grown()) == ({1}, set())


async def test_given_more_while_it_folds_it_is_told_again() -> None:
    log, woken = MemoryLog(), Woken()
    growth = Growth(log, woken.wake)
    growth.watch({0: 0})
    log.land(0, RECORD)
    await woken.again()
    assert growth.grown() == {0}
    log.land(0, RECORD)
    growth.watch({0: 1})
    await woken.again()
    assert growth.grown() == {0}


async def test_a_log_that_cannot_be_reached_wakes_as_well_for_that_is_found_by_looking() -> None:
    woken = Woken()
    growth = Growth(Cut(), woken.wake)
    growth.watch({0: 0})
    await woken.again()
    assert growth.grown() == {0}
