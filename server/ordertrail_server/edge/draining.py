"""The end of streams of requests when the server stops: between two requests, never within one."""

import asyncio
from typing import Any


class Draining:
    """Ends streams of requests from a moment on, so that no call sits out the grace of a stop."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """End every stream behind the request at hand, now and from now on."""
        self._begun.set()

    async def wait_unless_begun(self, arrival: "asyncio.Future[Any]", timeout_s: float | None = None) -> None:
        """Return when the arrival is done, draining has begun, or the time is over."""
        begun = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait({arrival, begun}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
