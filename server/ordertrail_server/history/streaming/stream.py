"""StreamOrderEvents: replay, and with `follow` on into live events, in one call.

The next scan begins only when the client has taken the last frame, so a slow client delays no other. A replay reads a
few frames at once for a client that takes them quickly.
"""

from asyncio import Event, get_running_loop, timeout
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, nullcontext, suppress

from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.event_filter import stream_filter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.parked_state import refuse_parked
from ordertrail_server.history.streaming.scan import Scan, ScanConditions
from ordertrail_server.history.streaming.start import stream_bounds
from ordertrail_server.history.streaming.stream_hub import StreamHub
from ordertrail_server.history.streaming.subjects import subject_of
from ordertrail_server.history.tokens import Offsets, token_of
from ordertrail_server.orders.times import moment

FRAME_EVENTS = 1_000
FRAME_BYTES = 256 * 1024
GROUP = 4
"""The frames of a replay that one step reads for a client that takes them quickly. It saves changes of threads."""

QUICK_S = 0.1
"""A client is quick if it has taken a frame in less than this time."""


async def stream_events(
    hub: StreamHub, freshness: Freshness, request: StreamOrderEventsRequest, scope: Scope, deadline: float
) -> AsyncGenerator[bytes, None]:
    """Yield serialized StreamOrderEventsResponse frames.

    `deadline` is the moment, by the event loop's clock, until which it may wait before the first frame. Raises Refused
    for a bad token, for a read model that is not fresh in time, and for a parked order.

    The stream of one parked order sends the facts that can be read, and is then refused. Other streams skip its waiting
    facts and name the order.
    """
    current_at = hub.recency.current_at  # read before the end is chosen, because a replay sends nothing after it
    begin, until, last = await stream_bounds(hub.model, freshness, request, deadline)
    max_events = request.max_events_per_frame or FRAME_EVENTS
    max_bytes = FRAME_BYTES - _trailer_bytes(hub.model.partitions)
    conditions = ScanConditions(stream_filter(request, scope), Limits(max_events, max_bytes), until, last)
    stream = _Stream(hub, conditions, begin, current_at)
    with stream.arrivals() as arrived, hub.count_stream(is_followed=until is None):
        while True:
            arrived.clear()
            scan = await stream.scan()
            state_frame = stream.state_change(scan)
            if scan.events or scan.skipped_orders or state_frame or stream.is_heartbeat_due():
                yield stream.frame(scan, state_frame)
            if scan.at_end:
                refuse_parked(request.order_id, scan.parked)
                if not request.follow:
                    return
            if hub.draining:
                yield stream.last_frame()
                return
            if scan.at_end:
                await stream.wait(arrived)


class _Stream:
    def __init__(self, hub: StreamHub, conditions: ScanConditions, begin: Offsets, current_at: int | None) -> None:
        self._hub, self._scope, self._reached = hub, conditions, begin
        self._caught_up, self._current_at = False, current_at
        self._time = get_running_loop().time
        self._last_frame = self._last_dated = self._time()
        self._scans: deque[Scan] = deque()
        self._group_size = 1

    def arrivals(self) -> AbstractContextManager[Event]:
        if self._scope.until is not None:
            return nullcontext(Event())
        return self._hub.arrivals.subscribe(subject_of(self._scope.filter))

    async def scan(self) -> Scan:
        if self._scope.until is None:
            self._current_at = self._hub.recency.current_at
            scan = await self._hub.scan(self._scope, self._reached)
        else:
            scan = await self._next_of_replay()
        self._reached = scan.reached
        return scan

    async def _next_of_replay(self) -> Scan:
        if not self._scans:
            self._scans.extend(await self._hub.replay(self._scope, self._reached, self._group_size))
        # Frames that wait take memory, so a slow client gets one at a time.
        self._group_size = GROUP if self._time() - self._last_frame < QUICK_S else 1
        return self._scans.popleft()

    def state_change(self, scan: Scan) -> bytes:
        if scan.parked is not None and scan.at_end:
            return b""  # the stream lacks the waiting facts
        if scan.at_end == self._caught_up or not (scan.at_end or scan.has_more):
            return b""
        self._caught_up = scan.at_end
        if scan.at_end:
            return _CAUGHT_UP
        self._hub.note_fell_behind()
        return _FELL_BEHIND

    def frame(self, scan: Scan, state_frame: bytes) -> bytes:
        self._last_frame = self._time()
        trailer = StreamOrderEventsResponse(resume_token=self._token(), parked_order_ids=scan.skipped_orders)
        if (
            self._current_at is not None
            and _is_complete(scan)
            and (state_frame or not scan.events or self._is_undated())
        ):
            self._last_dated = self._last_frame
            trailer.current_at.CopyFrom(moment(self._current_at))
        return scan.events + trailer.SerializeToString() + state_frame

    def last_frame(self) -> bytes:
        return StreamOrderEventsResponse(resume_token=self._token()).SerializeToString()

    async def wait(self, arrived: Event) -> None:
        with suppress(TimeoutError):
            async with timeout(self._hub.heartbeat - (self._time() - self._last_frame)):
                await arrived.wait()

    def is_heartbeat_due(self) -> bool:
        return self._time() - self._last_frame >= self._hub.heartbeat

    def _is_undated(self) -> bool:
        return self._last_frame - self._last_dated >= self._hub.heartbeat

    def _token(self) -> str:
        return token_of(self._hub.model.log_id, self._reached)


_CAUGHT_UP = StreamOrderEventsResponse(caught_up=True).SerializeToString()
_FELL_BEHIND = StreamOrderEventsResponse(fell_behind=True).SerializeToString()


def _is_complete(scan: Scan) -> bool:
    return scan.at_end and scan.parked is None


def _trailer_bytes(partitions: int) -> int:
    """Return an upper bound of a frame's bytes beside its events: state, time, and a token."""
    return 144 + 24 * partitions
