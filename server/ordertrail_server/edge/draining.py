"""The end of streams of requests when the server stops: between two requests, never within one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

Request = TypeVar("Request")


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

    async def until_begun(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Request, None]:
        """Pass requests on until they end, or draining has begun and none has arrived."""
        while True:
            coming = asyncio.create_task(_next_or_none(requests))
            try:
                await self.wait_unless_begun(coming)
                request = coming.result() if coming.done() else None
            finally:
                coming.cancel()
            if request is None:
                return
            yield request


async def _next_or_none(requests: AsyncIterator[Request]) -> Request | None:
    return await anext(requests, None)
