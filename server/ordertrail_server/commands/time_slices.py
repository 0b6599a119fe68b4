"""Cuts long work on the event loop into slices, so that short calls are answered in between."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# A call takes several consecutive rounds of the event loop. After each slice other tasks get some rounds, so that a
# call does not wait for a slice in each of its rounds. A shorter round than IDLE_ROUND_S had no work of other tasks.
SLICE_S, ROUNDS, IDLE_ROUND_S = 0.00025, 6, 0.00001


class TimeSlices:
    """Shares the event loop between tasks with long work: one of them runs for a slice, then all others have a turn.

    `clock` is in seconds and never goes back.
    """

    def __init__(self, slice_s: float = SLICE_S, rounds: int = ROUNDS, clock: Callable[[], float] = monotonic) -> None:
        self._slice_s, self._rounds, self._clock = slice_s, rounds, clock
        self._turn = asyncio.Lock()

    async def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], stop: Callable[[], bool] = lambda: False
    ) -> list[Result]:
        """Return the function's results for the items, or for the first of them if `stop` is true after a slice."""
        if isinstance(items, Sequence) and len(items) == 1:  # a single item is no long work
            return [function(items[0])]
        remaining, results = iter(items), list[Result]()
        while True:
            async with self._turn:
                if self._run_slice(function, remaining, results) or stop():
                    return results
            await self._yield_to_others()

    async def _yield_to_others(self) -> None:
        """Return after the rounds of other tasks, or after a round that none of them needed."""
        for _ in range(self._rounds):
            begin = self._clock()
            await asyncio.sleep(0)
            if self._clock() - begin < IDLE_ROUND_S:
                return

    def _run_slice(self, function: Callable[[Item], Result], remaining: Iterable[Item], results: list[Result]) -> bool:
        end = self._clock() + self._slice_s
        for item in remaining:
            results.append(function(item))
            if self._clock() >= end:
                return False
        return True
