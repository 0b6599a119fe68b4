"""A stream of batches: several are in flight, answers come in order, and a lost connection is replaced.

The next batch holds all waiting items: a fast source fills whole batches, and an item of a slow source is sent at once.
A batch without an answer is sent again on a new stream with the same request ids, so the server repeats its answer.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from ordertrail.backoff import Backoff
from ordertrail.errors import OrderTrailError, Unavailable, from_rpc_error

__all__ = ["BatchRpc", "BatchStream", "iterate"]

Item = TypeVar("Item")
Request = TypeVar("Request")
Response = TypeVar("Response")

# Below every bound on a message's size, and large enough for full throughput.
MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class BatchRpc(Generic[Item, Request, Response]):
    """A batch rpc and its limits.

    `batch_size` bounds the items of a request, `in_flight` the requests without an answer. `timeout` is the time for
    one answer, in seconds. Unavailable is raised when attempts have failed for `retry_seconds`.
    """

    open: Callable[[], "grpc.aio.StreamStreamCall[Request, Response]"]
    gather: Callable[[list[Item]], Request]
    size: Callable[[Item], int]
    batch_size: int = 200
    in_flight: int = 4
    timeout: float = 10.0
    retry_seconds: float = 60.0


class BatchStream(Generic[Item, Request, Response]):
    """One run of a batch rpc over a source of items."""

    def __init__(self, rpc: BatchRpc[Item, Request, Response], source: Iterable[Item] | AsyncIterable[Item]) -> None:
        self._rpc = rpc
        self._source = source
        self._source_error: Exception | None = None
        self._queue: asyncio.Queue[Item | None] = asyncio.Queue(rpc.batch_size)  # None: the source has ended
        self._overflow: Item | None = None
        self._unanswered: deque[Request] = deque()
        self._all_sent = self._write_failed = False
        self._changed = asyncio.Event()
        self._backoff = Backoff(rpc.retry_seconds)

    async def responses(self) -> AsyncGenerator[Response, None]:
        """Yield one response for each batch, in order, then raise the error of the source, if any."""
        fill_task = asyncio.create_task(self._fill_queue())
        try:
            while not (self._all_sent and not self._unanswered):
                try:
                    async with aclosing(self._attempt()) as attempt:
                        async for response in attempt:
                            yield response
                except (grpc.aio.AioRpcError, TimeoutError) as error:
                    await self._wait_before_retry(error)
        finally:
            await _stop(fill_task)
        if self._source_error:
            raise self._source_error

    async def _fill_queue(self) -> None:
        try:
            async for item in iterate(self._source):
                await self._queue.put(item)
        except Exception as error:  # an error of the caller's own source, which `responses` raises
            self._source_error = error
        await self._queue.put(None)

    async def _wait_before_retry(self, error: grpc.aio.AioRpcError | TimeoutError) -> None:
        if isinstance(error, TimeoutError) or self._write_failed:
            # A write to a stream that has just ended makes grpc.aio report INTERNAL instead of its status. If a
            # retry cannot help, the next attempt gets that status.
            cause: OrderTrailError = _stream_error(self._rpc.timeout)
        else:
            cause = from_rpc_error(error)
        await self._backoff.wait(cause)

    async def _attempt(self) -> AsyncGenerator[Response, None]:
        self._write_failed = False
        call = self._rpc.open()
        send_task = asyncio.create_task(self._send(call))
        send_task.add_done_callback(lambda _: self._changed.set())
        try:
            while await self._wait_for_unanswered(send_task):
                async with asyncio.timeout(self._rpc.timeout):
                    response: Any = await call.read()
                if response is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs leave EOF out
                    raise TimeoutError  # the server ended the stream early; unanswered batches are sent again
                self._backoff.reset()
                self._unanswered.popleft()
                self._changed.set()
                yield response
        finally:
            await _stop(send_task)
            call.cancel()

    async def _wait_for_unanswered(self, send_task: "asyncio.Task[None]") -> bool:
        """Wait for an unanswered batch. Return False if there will be none. Raises the error of an invalid item."""
        while not self._unanswered and not self._all_sent:
            if send_task.done():
                send_task.result()
                return True  # the stream ended without batches in flight; the next read gets its status
            await self._wait_for_change()
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
            return  # the call is over; the reader gets its status

    async def _next_batch(self) -> Request | None:
        while len(self._unanswered) >= self._rpc.in_flight:
            await self._wait_for_change()
        first = self._overflow if self._overflow is not None else await self._queue.get()
        self._overflow = None
        # No await from here on, because a cancelled attempt must not lose items.
        items = self._fill(first)
        request = self._rpc.gather(items) if items else None
        if request is not None:
            self._unanswered.append(request)
        self._changed.set()
        return request

    def _fill(self, item: Item | None) -> list[Item]:
        items: list[Item] = []
        free_bytes = MAX_BYTES
        while item is not None:
            free_bytes -= self._rpc.size(item)
            if items and free_bytes < 0:
                self._overflow = item
                return items
            items.append(item)
            if len(items) == self._rpc.batch_size or self._queue.empty():
                return items
            item = self._queue.get_nowait()
        self._all_sent = True
        return items

    async def _wait_for_change(self) -> None:
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


def _stream_error(seconds: float) -> Unavailable:
    message = f"The server did not answer within {seconds:g} seconds, or the stream was cut off."
    return Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", message)


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
