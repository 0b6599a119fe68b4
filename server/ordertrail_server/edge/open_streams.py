"""The open streams of callers that must be checked again, and ended when the policy no longer allows them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ordertrail_server.orders.refusal import Refusal, Refused

CHECK_SECONDS = 5.0
"""How often each open stream is checked. With GRACE_SECONDS, it bounds how long a stream outlives its permission."""

GRACE_SECONDS = 5.0
"""How long an ended stream may wait until its caller reads the status. Then its connection is reset."""

STREAMS_AT_ONCE = 100
"""How many streams are checked before other calls get their turn."""


class OpenStreams:
    """For one event loop. A stream is ended by cancelling its task, so one whose caller does not read ends, too."""

    def __init__(self) -> None:
        self._streams: dict[asyncio.Task[Any], _OpenStream] = {}

    @contextmanager
    def hold(self, recheck: Callable[[], Refusal | None]) -> Iterator[None]:
        """Check the stream of the current task regularly. Raises Refused with the refusal of `recheck`."""
        task = asyncio.current_task()
        assert task is not None
        stream = self._streams[task] = _OpenStream(task, recheck)
        task.add_done_callback(self._forget)
        try:
            yield
        except asyncio.CancelledError:
            if stream.refusal is None or task.uncancel() > 0:  # the caller has gone, too
                raise
            raise Refused(stream.refusal) from None
        finally:
            stream.is_checked = False

    async def check_regularly(self) -> None:
        """Check all streams, for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._check()

    async def _check(self) -> None:
        """End the streams that are no longer allowed."""
        for number, stream in enumerate(list(self._streams.values()), 1):
            stream.check(asyncio.get_running_loop().time())
            if number % STREAMS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._streams.pop(task, None)


class _OpenStream:
    def __init__(self, task: "asyncio.Task[Any]", recheck: Callable[[], Refusal | None]) -> None:
        self._task, self._recheck = task, recheck
        self.refusal: Refusal | None = None
        self.is_checked, self._ended_at = True, 0.0

    def check(self, now: float) -> None:
        if self.refusal is not None:
            if now >= self._ended_at + GRACE_SECONDS:
                self._task.cancel()
        elif self.is_checked:
            self.refusal, self._ended_at = self._recheck(), now
            if self.refusal is not None:
                self._task.cancel()
