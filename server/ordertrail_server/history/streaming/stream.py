"""StreamOrderEvents: replay, and with `follow` on into live events, in one call.

The next look begins only when the last frame was taken, so a slow reader delays nobody but itself.
"""

from asyncio import Event, get_running_loop, timeout
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, nullcontext, suppress

from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail_server.history.event_filter import streamed
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.parked import refuse_parked
from ordertrail_server.history.streaming.scan import Scan, Scope
from ordertrail_server.history.streaming.start import begin_and_end
from ordertrail_server.history.streaming.tails import Tails
from ordertrail_server.history.streaming.topics import topic_of
from ordertrail_server.history.tokens import Offsets, token_of
from ordertrail_server.orders.times import moment

FRAME_EVENTS = 1_000
FRAME_BYTES = 256 * 1024


async def stream_events(
    tails: Tails, freshness: Freshness, request: StreamOrderEventsRequest, by: float
) -> AsyncGenerator[bytes, None]:
    """Yield serialized StreamOrderEventsResponse frames. Raises Refused: a bad token, not fresh in time, parked.

    `by` is the moment, of the event loop's clock, until which it may wait to begin.

    A parked order's own stream sends its facts as far as they can be read, and then is refused; others pass over what
    waits of it, and name it.
    """
    current_at = tails.recency.current_at  # before the end is chosen: a replay goes no further
    begin, until = await begin_and_end(tails.model, freshness, request, by)
    max_events = request.max_events_per_frame or FRAME_EVENTS
    max_bytes = FRAME_BYTES - _trailer_bytes(tails.model.partitions)
    stream = _Stream(tails, Scope(streamed(request), Limits(max_events, max_bytes), until), begin, current_at)
    with stream.arrivals() as arrived:
        while True:
            arrived.clear()
            scan = await stream.look()
            standing = stream.standing_after(scan)
            if scan.events or scan.passed_over or standing or stream.is_heartbeat_due():
                yield stream.frame(scan, standing)
            if scan.at_end:
                refuse_parked(request.order_id, scan.parked)
                if not request.follow:
                    return
            if tails.draining:
                yield stream.last_frame()
                return
            if scan.at_end:
                await stream.wait(arrived)


class _Stream:
    def __init__(self, tails: Tails, scope: Scope, begin: Offsets, current_at: int | None) -> None:
        self._tails, self._scope, self._reached = tails, scope, begin
        self._caught_up, self._current_at = False, current_at
        self._time = get_running_loop().time
        self._last_frame = self._last_dated = self._time()

    def arrivals(self) -> AbstractContextManager[Event]:
        if self._scope.until is not None:
            return nullcontext(Event())
        return self._tails.arrivals.of(topic_of(self._scope.filter))

    async def look(self) -> Scan:
        if self._scope.until is None:
            self._current_at = self._tails.recency.current_at
        scan = await self._tails.look(self._scope, self._reached)
        self._reached = scan.reached
        return scan

    def standing_after(self, scan: Scan) -> bytes:
        if scan.parked is not None and scan.at_end:
            return b""  # what waits is missing
        if scan.at_end == self._caught_up or not (scan.at_end or scan.more):
            return b""
        self._caught_up = scan.at_end
        return _CAUGHT_UP if scan.at_end else _FELL_BEHIND

    def frame(self, scan: Scan, standing: bytes) -> bytes:
        self._last_frame = self._time()
        trailer = StreamOrderEventsResponse(resume_token=self._token(), parked_order_ids=scan.passed_over)
        if self._current_at is not None and _nothing_waits(scan) and (standing or not scan.events or self._undated()):
            self._last_dated = self._last_frame
            trailer.current_at.CopyFrom(moment(self._current_at))
        return scan.events + trailer.SerializeToString() + standing

    def last_frame(self) -> bytes:
        return StreamOrderEventsResponse(resume_token=self._token()).SerializeToString()

    async def wait(self, arrived: Event) -> None:
        with suppress(TimeoutError):
            async with timeout(self._tails.heartbeat - (self._time() - self._last_frame)):
                await arrived.wait()

    def is_heartbeat_due(self) -> bool:
        return self._time() - self._last_frame >= self._tails.heartbeat

    def _undated(self) -> bool:
        return self._last_frame - self._last_dated >= self._tails.heartbeat

    def _token(self) -> str:
        return token_of(self._tails.model.log_id, self._reached)


_CAUGHT_UP = StreamOrderEventsResponse(caught_up=True).SerializeToString()
_FELL_BEHIND = StreamOrderEventsResponse(fell_behind=True).SerializeToString()


def _nothing_waits(scan: Scan) -> bool:
    return scan.at_end and scan.parked is None


def _trailer_bytes(partitions: int) -> int:
    """Return more than a frame holds beside its events: standing, a time, and a token of so many partitions."""
    return 144 + 24 * partitions
