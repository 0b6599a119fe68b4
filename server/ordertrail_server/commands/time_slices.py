"""Cuts long work on the event loop into slices, so that short calls are answered in between."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# A call takes several consecutive rounds of the event loop. After each slice other tasks get some rounds, so that a
# call does not wait for a slice in each of its rounds.
SLICE_S, ROUNDS = 0.00025, 6


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
        remaining, results = iter(items), list[Result]()
        while True:
            async with self._turn:
                if self._run_slice(function, remaining, results) or stop():
                    return results
            for _ in range(self._rounds):
                await asyncio.sleep(0)

    def _run_slice(self, function: Callable[[Item], Result], remaining: Iterable[Item], results: list[Result]) -> bool:
        end = self._clock() + self._slice_s
        for item in remaining:
            results.append(function(item))
            if self._clock() >= end:
                return False
        return True
