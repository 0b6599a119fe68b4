"""Batches over a bidirectional stream: many in flight, answered in order, and sent again when a connection is cut.

What waits makes the next batch: a quick source fills whole ones, a slow source is never held back. A batch that was
not answered is sent again on a new stream, with the same request ids, so the server answers it as it did before.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from ordertrail.errors import OrderTrailError, Unavailable, from_rpc_error
from ordertrail.patience import Patience

__all__ = ["BatchRpc", "Batches", "iterate"]

Item = TypeVar("Item")
Request = TypeVar("Request")
Response = TypeVar("Response")

# Below every bound on a message's size, and large enough to cost nothing.
MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class BatchRpc(Generic[Item, Request, Response]):
    """A batch rpc and its measures.

    `batch_size` bounds the items of a request, `in_flight` the requests without an answer. `timeout` is how many
    seconds one answer may take, `patience` how many attempts may go on failing before Unavailable is raised.
    """

    open: Callable[[], "grpc.aio.StreamStreamCall[Request, Response]"]
    gather: Callable[[list[Item]], Request]
    size: Callable[[Item], int]
    batch_size: int = 200
    in_flight: int = 4
    timeout: float = 10.0
    patience: float = 60.0


class Batches(Generic[Item, Request, Response]):
    """One run of a batch rpc over a source of items."""

    def __init__(self, rpc: BatchRpc[Item, Request, Response], source: Iterable[Item] | AsyncIterable[Item]) -> None:
        self._rpc = rpc
        self._source = source
        self._source_error: Exception | None = None
        self._waiting: asyncio.Queue[Item | None] = asyncio.Queue(rpc.batch_size)  # None: the source has ended
        self._held_back: Item | None = None
        self._unanswered: deque[Request] = deque()
        self._all_sent = self._write_failed = False
        self._changed = asyncio.Event()
        self._patience = Patience(rpc.patience)

    async def responses(self) -> AsyncGenerator[Response, None]:
        """Yield one response for each batch, in order, then raise what the source raised, if it did."""
        taking = asyncio.create_task(self._take())
        try:
            while not (self._all_sent and not self._unanswered):
                try:
                    async with aclosing(self._attempt()) as attempt:
                        async for response in attempt:
                            yield response
                except (grpc.aio.AioRpcError, TimeoutError) as error:
                    await self._endure(error)
        finally:
            await _stop(taking)
        if self._source_error:
            raise self._source_error

    async def _take(self) -> None:
        try:
            async for item in iterate(self._source):
                await self._waiting.put(item)
        except Exception as error:  # of any kind: it is the caller's own, and is raised to the caller
            self._source_error = error
        await self._waiting.put(None)

    async def _endure(self, error: grpc.aio.AioRpcError | TimeoutError) -> None:
        if isinstance(error, TimeoutError) or self._write_failed:
            # A write to a stream that just ended makes grpc.aio report INTERNAL in place of how it ended. If no retry
            # can mend that, the next attempt learns it.
            cause: OrderTrailError = _cut(self._rpc.timeout)
        else:
            cause = from_rpc_error(error)
        if not isinstance(cause, Unavailable):
            raise cause from None
        await self._patience.wait(cause)

    async def _attempt(self) -> AsyncGenerator[Response, None]:
        self._write_failed = False
        call = self._rpc.open()
        sending = asyncio.create_task(self._send(call))
        sending.add_done_callback(lambda _: self._changed.set())
        try:
            while await self._answer_is_due(sending):
                async with asyncio.timeout(self._rpc.timeout):
                    response: Any = await call.read()
                if response is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs leave EOF out
                    raise TimeoutError  # the server ended the stream early; what it left is sent again
                self._patience.renew()
                self._unanswered.popleft()
                self._changed.set()
                yield response
        finally:
            await _stop(sending)
            call.cancel()

    async def _answer_is_due(self, sending: "asyncio.Task[None]") -> bool:
        """Wait for a batch without an answer; say whether there is one. Raises what was wrong with an item."""
        while not self._unanswered and not self._all_sent:
            if sending.done():
                sending.result()
                return True  # the stream ended while nothing was on its way; reading tells how
            await self._change()
        return bool(self._unanswered)

    async def _send(self, call: "grpc.aio.StreamStreamCall[Request, Response]") -> None:
        try:
            for batch in tuple(self._unanswered):
                await call.write(batch)
            while not self._all_sent:
                batch_sent = await self._next_batch()
                if batch_sent is not None:
                    await call.write(batch_sent)
            await call.done_writing()
        except grpc.aio.AioRpcError:
            self._write_failed = True
        except asyncio.InvalidStateError:
            return  # the call is over, and the reader learns why

    async def _next_batch(self) -> Request | None:
        while len(self._unanswered) >= self._rpc.in_flight:
            await self._change()
        first = self._held_back if self._held_back is not None else await self._waiting.get()
        self._held_back = None
        # No await from here on: a cancelled attempt must not lose what it has taken.
        items = self._fill(first)
        request = self._rpc.gather(items) if items else None
        if request is not None:
            self._unanswered.append(request)
        self._changed.set()
        return request

    def _fill(self, item: Item | None) -> list[Item]:
        items: list[Item] = []
        room = MAX_BYTES
        while item is not None:
            room -= self._rpc.size(item)
            if items and room < 0:
                self._held_back = item
                return items
            items.append(item)
            if len(items) == self._rpc.batch_size or self._waiting.empty():
                return items
            item = self._waiting.get_nowait()
        self._all_sent = True
        return items

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


async def iterate(source: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    """Yield the items of either kind of source."""
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield item
    else:
        for item in source:
            yield item


def _cut(seconds: float) -> Unavailable:
    message = f"The server gave no answer within {seconds:g} seconds, or the stream was cut off."
    return Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", message)


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
