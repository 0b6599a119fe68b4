"""Who is woken by what: one read for each advance of the projector tells which tails it concerns.

A tail of one order, customer or product sleeps until its own events come, so a thousand idle tails cost next to
nothing. A tail may be woken for nothing, but is never left asleep when an event of its own was announced.
"""

from asyncio import Event, Task, create_task
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.history.topics import ALL, Topic, touched_since
from ordertrail_server.orders.refusal import Refused


class Arrivals:
    """Watches the progress of the read model while any tail is open."""

    def __init__(self, model: ReadModel, progress: Progress) -> None:
        self._model, self._progress = model, progress
        self._tails: dict[Event, Topic] = {}
        self._watch: Task[None] | None = None
        self.announced: Offsets = ()
        """The offsets before which every event was announced to the tails it concerns."""

    @contextmanager
    def of(self, topic: Topic) -> Iterator[Event]:
        """Give an event that is set whenever something of the topic may have arrived.

        Clear it, then look, then wait for it: whatever the look missed sets it.
        """
        arrived = Event()
        if self._watch is None:
            self.announced = self._known()
            self._watch = create_task(self._announce())
        self._tails[arrived] = topic
        try:
            yield arrived
        finally:
            del self._tails[arrived]
            if not self._tails:
                self._watch.cancel()
                self._watch = None

    def wake_all(self) -> None:
        """Set the event of every tail."""
        self._wake({ALL}, self._tails)

    async def _announce(self) -> None:
        while True:
            await self._progress.beyond(dict(enumerate(self.announced)))
            known = dict(self._tails)
            read = partial(touched_since, self._model, self.announced, set(known.values()))
            try:
                self.announced, touched = await self._model.read(read)
            except Refused:  # each tail learns why by its own look
                self.announced, touched = self._known(), {ALL}
            self._wake(touched, known)

    def _wake(self, touched: set[Topic], known: Mapping[Event, Topic]) -> None:
        # A tail that came while touched_since was reading was not asked about, and may have looked before it.
        for arrived, topic in self._tails.items():
            if topic == ALL or topic in touched or ALL in touched or arrived not in known:
                arrived.set()

    def _known(self) -> Offsets:
        return tuple(self._progress.positions.get(p, 0) for p in range(self._model.partitions))
