"""Bounds the bytes of requests that are handled at once, and so the memory of a server."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.edge.validation import BATCH_BYTES
from ordertrail_server.orders.refusal import Refusal, Refused

# The memory of a call in addition to its request.
CALL_BYTES = 1_024

OVERLOADED = Refused(
    Refusal(reasons.ERROR_REASON_OVERLOADED, "The server handles as many requests as its limit allows; retry shortly.")
)


class RequestAdmission:
    """Refuses single requests while the running ones use `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._free = limit

    def reserve(self, raw: bytes) -> int:
        """Reserve memory for a request; return the bytes to release. Raises Refused if they exceed the limit."""
        size = len(raw) + CALL_BYTES
        if size > self._free:
            raise OVERLOADED
        self._free -= size
        return size

    def release(self, size: int) -> None:
        """Return reserved bytes."""
        self._free += size

    @contextmanager
    def hold(self, raw: bytes) -> Iterator[None]:
        """Reserve memory for a request until the end of the body. Raises Refused."""
        size = self.reserve(raw)
        try:
            yield
        finally:
            self.release(size)


class BatchAdmission:
    """Lets batches wait while the running ones use `limit` bytes, or the size of the largest batch if that is more."""

    def __init__(self, limit: int) -> None:
        self._free = max(limit, BATCH_BYTES)
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def reserve(self, size: int) -> None:
        """Reserve bytes, in the order of the calls."""
        if not self._queue and size <= self._free:
            self._free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self.release(0)  # the next ones in the queue may have waited for this one only
            else:
                self.release(size)
            raise

    def release(self, size: int) -> None:
        """Return reserved bytes."""
        self._free += size
        while self._queue and (self._queue[0][1].done() or self._queue[0][0] <= self._free):
            size, turn = self._queue.popleft()
            if not turn.done():
                self._free -= size
                turn.set_result(None)


class ByteReservation:
    """The bytes that one stream has reserved."""

    def __init__(self, admission: BatchAdmission) -> None:
        self._admission, self._size = admission, 0

    async def reserve(self, size: int) -> None:
        """Hold `size` bytes: release the excess, or reserve all of them if none are held."""
        if self._size:
            self._admission.release(self._size - size)
        else:
            await self._admission.reserve(size)
        self._size = size

    def release(self) -> None:
        """Release all bytes."""
        self._admission.release(self._size)
        self._size = 0
