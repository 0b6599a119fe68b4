"""Slows down callers that repeat calls beyond their limits, so that refusals take little time from other callers."""

import asyncio

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_CALLER_LIMIT
from ordertrail_server.orders.refusal import Refused

PAUSE_SECONDS = 0.1
"""How long a refusal waits. A caller that waits for its answers gets ten refusals a second for each call at once."""

MAX_PAUSED, MAX_PAUSED_BYTES = 1_000, 16 << 20
"""The most calls that wait, and the bytes of their requests. Further refusals do not wait."""


class RefusalPause:
    """The pauses of one server."""

    def __init__(self) -> None:
        self._count = self._size = 0

    async def wait_before(self, error: Exception, size: int) -> None:
        """Wait before the refusal of a call beyond the caller's limits, whose request has `size` bytes."""
        if not isinstance(error, Refused) or error.refusal.reason != ERROR_REASON_CALLER_LIMIT:
            return
        if self._count >= MAX_PAUSED or self._size + size > MAX_PAUSED_BYTES:
            return
        self._count, self._size = self._count + 1, self._size + size
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._count, self._size = self._count - 1, self._size - size
