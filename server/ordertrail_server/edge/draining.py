"""Ends streams of requests when the server stops: between two requests, never within one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

Request = TypeVar("Request")


class Draining:
    """Ends streams of requests from a moment on, so no call uses up the grace period of a stop."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """End every present and future stream after its current request."""
        self._begun.set()

    async def wait_until_done_or_begun(self, arrival: "asyncio.Future[Any]", timeout_s: float | None = None) -> None:
        """Return when the arrival is done, draining has begun, or the timeout is over."""
        begun = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait({arrival, begun}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()

    async def pass_until_begun(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Request, None]:
        """Pass requests on until they end, or draining has begun and none has arrived."""
        while True:
            arrival = start_arrival(requests)
            try:
                await self.wait_until_done_or_begun(arrival)
                request = arrival.result() if arrival.done() else None
            finally:
                arrival.cancel()
            if request is None:
                return
            yield request


def start_arrival(requests: AsyncIterator[Request]) -> "asyncio.Task[Request | None]":
    """Begin to read the next request of a stream; its result is None at the end of the stream."""
    arrival = asyncio.create_task(_next_or_none(requests))
    arrival.add_done_callback(_retrieve_exception)
    return arrival


async def _next_or_none(requests: AsyncIterator[Request]) -> Request | None:
    return await anext(requests, None)


def _retrieve_exception(arrival: "asyncio.Task[Any]") -> None:
    # If the caller has gone, the call is cancelled too, and no code retrieves what its last read raised.
    if not arrival.cancelled():
        arrival.exception()
