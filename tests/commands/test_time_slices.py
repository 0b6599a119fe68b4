"""Long work is cut into slices, and other tasks run in between."""

import asyncio
from collections.abc import Callable

import pytest

from ordertrail_server.commands.time_slices import TimeSlices


def build_stepping_clock(step_s: float) -> Callable[[], float]:
    """Return a clock that advances by a step at each call."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step_s
        return now

    return clock


async def test_results_are_those_of_all_items_in_sequence() -> None:
    assert await TimeSlices().map(str, range(5)) == ["0", "1", "2", "3", "4"]
    assert await TimeSlices().map(str, []) == []


async def test_other_tasks_run_between_slices() -> None:
    slices, order = TimeSlices(slice_s=2.0, rounds=1, clock=build_stepping_clock(1.0)), list[object]()

    async def append_others() -> None:
        for _ in range(3):
            order.append("other")
            await asyncio.sleep(0)

    await asyncio.gather(slices.map(order.append, range(6)), append_others())
    assert order == [0, 1, "other", 2, 3, "other", 4, 5, "other"]


async def test_tasks_with_long_work_alternate() -> None:
    slices, order = TimeSlices(slice_s=2.0, rounds=1, clock=build_stepping_clock(1.0)), list[str]()
    await asyncio.gather(slices.map(order.append, "aaaa"), slices.map(order.append, "bbbb"))
    assert order == ["a", "a", "b", "b", "a", "a", "b", "b"]


async def test_work_stops_after_a_slice_if_stop_is_true() -> None:
    slices = TimeSlices(slice_s=2.0, rounds=1, clock=build_stepping_clock(1.0))
    assert await slices.map(str, range(6), stop=lambda: True) == ["0", "1"]


class WorkClock:
    """A clock that only work advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def work(self, _: object = None) -> None:
        self.now += 1.0


@pytest.mark.parametrize(("others_work", "rounds"), [(False, 1), (True, 6)])
async def test_other_tasks_get_further_rounds_only_while_they_have_work(others_work: bool, rounds: int) -> None:
    clock, round_count = WorkClock(), 0
    slices = TimeSlices(slice_s=1.0, rounds=6, clock=lambda: clock.now)
    work = asyncio.create_task(slices.map(clock.work, range(2)))  # a slice each, and no item after the second one
    while not work.done():
        await asyncio.sleep(0)
        round_count += 1
        if others_work:
            clock.work()
    assert round_count == 1 + 2 * rounds
