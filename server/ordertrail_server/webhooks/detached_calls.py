"""Calls that continue if their caller leaves, because they must not be done by half."""

from asyncio import Task, create_task, gather, shield
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class DetachedCalls:
    """For one event loop. Keeps the calls that run, because the loop refers to tasks only weakly.

    Close it at the end.
    """

    def __init__(self) -> None:
        self._calls: set[Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work. It continues if the caller is cancelled."""
        call = create_task(work)
        self._calls.add(call)
        call.add_done_callback(self._note_end)
        return await shield(call)

    async def close(self) -> None:
        """Cancel the calls that run. What they wait for may never happen, because another server has taken over."""
        for call in self._calls:
            call.cancel()
        await gather(*self._calls, return_exceptions=True)

    def _note_end(self, call: Task[Any]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # otherwise asyncio reports it as not retrieved, if the caller has left
