"""Calls that continue if their caller leaves, because they must not be done by half."""

from asyncio import Task, create_task, shield
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class DetachedCalls:
    """For one event loop. Keeps the calls that run, because the loop refers to tasks only weakly."""

    def __init__(self) -> None:
        self._calls: set[Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work. It continues if the caller is cancelled."""
        call = create_task(work)
        self._calls.add(call)
        call.add_done_callback(self._note_end)
        return await shield(call)

    def _note_end(self, call: Task[Any]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # otherwise asyncio reports it as not retrieved, if the caller has left
