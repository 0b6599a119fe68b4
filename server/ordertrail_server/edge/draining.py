"""The end of streams of requests when the server stops: between two requests, never within one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator


class Draining:
    """Ends streams of requests from a moment on, so that no call sits out the grace of a stop."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """End every stream behind the request at hand, now and from now on."""
        self._begun.set()

    async def until_begun(self, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Pass requests on until they end, or draining has begun and none has arrived."""
        begun = asyncio.create_task(self._begun.wait())
        try:
            while (request := await self._next(requests, begun)) is not None:
                yield request
        finally:
            begun.cancel()

    async def _next(self, requests: AsyncIterator[bytes], begun: "asyncio.Task[bool]") -> bytes | None:
        coming = asyncio.create_task(_next_or_none(requests))
        try:
            await asyncio.wait({coming, begun}, return_when=asyncio.FIRST_COMPLETED)
            # A request that was taken from its stream would be lost; a drain ends only the wait for one.
            return coming.result() if coming.done() else None
        finally:
            coming.cancel()


async def _next_or_none(requests: AsyncIterator[bytes]) -> bytes | None:
    return await anext(requests, None)
