"""Followers of a stream in tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from tests.history.history_server import HistoryServer, list_frame_names

from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail_server.access.scope import EVERYTHING

FOR_EVER = 3600.0
"""A heartbeat that never comes: what arrives was woken by its event."""


class Tail:
    """A follower that takes one frame at a time."""

    def __init__(self, server: HistoryServer, request: StreamOrderEventsRequest) -> None:
        self.stream = server.service.StreamOrderEvents(request, EVERYTHING, None)
        self.frames: list[StreamOrderEventsResponse] = []

    async def next(self) -> StreamOrderEventsResponse:
        async with asyncio.timeout(10):
            self.frames.append(StreamOrderEventsResponse.FromString(await anext(self.stream)))
        return self.frames[-1]

    async def until(self, count: int) -> list[tuple[str, int]]:
        while len(self.names) < count:
            await self.next()
        return self.names

    @property
    def names(self) -> list[tuple[str, int]]:
        return list_frame_names(self.frames)


@asynccontextmanager
async def open_tail(server: HistoryServer, **request: object) -> AsyncIterator[Tail]:
    tail = Tail(server, StreamOrderEventsRequest(follow=True, **request))  # type: ignore[arg-type]  # any conditions
    async with aclosing(tail.stream):
        yield tail
