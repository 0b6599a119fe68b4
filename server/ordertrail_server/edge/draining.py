"""Ends streams of requests when the server stops, always between two requests."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

Request = TypeVar("Request")


class Draining:
    """Ends streams of requests once the server stops, so that no stream uses up the grace period."""

    def __init__(self) -> None:
        self._draining = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        """True if streams are being ended."""
        return self._draining.is_set()

    def begin(self) -> None:
        """End every present and future stream after its current request."""
        self._draining.set()

    async def wait_until_done_or_draining(self, arrival: "asyncio.Future[Any]", timeout_s: float | None = None) -> None:
        """Return when the arrival is done, draining has begun, or the timeout is over."""
        draining = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({arrival, draining}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            draining.cancel()

    async def iterate_until_draining(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Request, None]:
        """Yield requests until the stream ends, or draining has begun and no request has arrived."""
        while True:
            arrival = start_arrival(requests)
            try:
                await self.wait_until_done_or_draining(arrival)
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
