"""The part that all streams of a server share: the read model, the notification of arrivals, and the drain."""

from asyncio import Future, ensure_future, shield
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.streaming.arrivals import Arrivals
from ordertrail_server.history.streaming.scan import Scan, ScanConditions, read_scan, read_scans
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.progress import Progress

HEARTBEAT = 15.0


class StreamHub:
    """Serves the scans of all streams. `heartbeat` is the longest time between two frames, in seconds."""

    def __init__(self, model: ReadModel, progress: Progress, recency: Recency, heartbeat: float = HEARTBEAT) -> None:
        self.model, self.progress, self.recency, self.heartbeat = model, progress, recency, heartbeat
        self.arrivals = Arrivals(model, progress)
        self.draining = False
        self.followed_count = self.replayed_count = 0
        """The open streams: those that follow the log, and those that end at a position."""
        self.fell_behind_count = 0
        """How often a stream that followed the log fell behind, since the start."""
        self._running: dict[tuple[ScanConditions, Offsets, Offsets, int | None], Future[Scan]] = {}

    def drain(self) -> None:
        """End every stream, now and from now on, with a last frame."""
        self.draining = True
        self.arrivals.wake_all()

    @contextmanager
    def count_stream(self, *, is_followed: bool) -> Iterator[None]:
        """Count a stream as open."""
        self.followed_count += is_followed
        self.replayed_count += not is_followed
        try:
            yield
        finally:
            self.followed_count -= is_followed
            self.replayed_count -= not is_followed

    def note_fell_behind(self) -> None:
        """Count a stream that has fallen behind."""
        self.fell_behind_count += 1

    async def replay(self, conditions: ScanConditions, begin: Offsets, count: int) -> list[Scan]:
        """Run up to `count` consecutive scans of a stream that has an end, in one step."""
        return await self.model.read_for_stream(partial(read_scans, self.model, conditions, begin, count))

    async def scan(self, conditions: ScanConditions, begin: Offsets) -> Scan:
        """Run one scan of a followed stream; streams that need the same scan at the same time share it."""
        read_next = partial(read_scan, self.model, conditions, begin)
        # A scan that began before the last announcement may miss the announced events, and one that began before the
        # last refresh may miss what answers include by now. Neither is shared.
        key = (conditions, begin, self.arrivals.announced, self.recency.current_at)
        running_scan = self._running.get(key)
        if running_scan is None:
            running_scan = ensure_future(self.model.read_for_stream(read_next))
            self._running[key] = running_scan
            running_scan.add_done_callback(lambda _: self._running.pop(key))
        # The cancellation of one stream must not cancel the scan of the others.
        return await shield(running_scan)
