"""What all streams of a server share: the read model, who is woken by what, and the end."""

from asyncio import Future, ensure_future, shield
from functools import partial

from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.streaming.arrivals import Arrivals
from ordertrail_server.history.streaming.scan import Scan, Scope, scan
from ordertrail_server.history.tokens import Offsets

HEARTBEAT = 15.0


class Tails:
    """`heartbeat` is how many seconds a stream may be silent."""

    def __init__(self, model: ReadModel, progress: Progress, recency: Recency, heartbeat: float = HEARTBEAT) -> None:
        self.model, self.progress, self.recency, self.heartbeat = model, progress, recency, heartbeat
        self.arrivals = Arrivals(model, progress)
        self.draining = False
        self._looking: dict[tuple[Scope, Offsets, Offsets, int | None], Future[Scan]] = {}

    def drain(self) -> None:
        """End every stream, now and from now on, with a last frame."""
        self.draining = True
        self.arrivals.wake_all()

    async def look(self, scope: Scope, begin: Offsets) -> Scan:
        """Return what one scan finds; tails that ask for the same at the same time share it."""
        read = partial(scan, self.model, scope, begin)
        if scope.until is not None:
            return await self.model.look(read)
        # A look begun before the last announcement may not include what was announced, nor one begun earlier what the
        # answers of now are known to include: neither is shared.
        key = (scope, begin, self.arrivals.announced, self.recency.current_at)
        running = self._looking.get(key)
        if running is None:
            running = ensure_future(self.model.look(read))
            self._looking[key] = running
            running.add_done_callback(lambda _: self._looking.pop(key))
        # One tail that is cancelled must not take the others' look with it.
        return await shield(running)
