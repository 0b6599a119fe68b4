"""Runs operations on generations: one after another, and each to its end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.orders.refusal import Refusal, Refused

T = TypeVar("T")


class Operations:
    """Runs one operation at a time. For one event loop.

    An operation that has begun runs to its end even if its caller is cancelled, because half of it, such as a stopped
    process that is not replaced, would leave the server without a projection.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._running: asyncio.Task[Any] | None = None

    async def run(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run an operation and return its result. Raises what it raises; Refused (UNAVAILABLE) for an OSError."""
        await self._lock.acquire()
        task = self._running = asyncio.create_task(operation())
        task.add_done_callback(self._end)
        try:
            return await asyncio.shield(task)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The server cannot change its projections at present: {reason}."
            raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message)) from error

    async def stop(self) -> None:
        """Cancel the running operation and wait for its end. For a server that stops its processes next."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._running = None
        self._lock.release()
        if not task.cancelled():
            task.exception()  # its caller may have gone
