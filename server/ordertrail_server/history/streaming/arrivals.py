"""Who is woken by what: one read for each advance of the projector tells which tails it concerns.

A tail of one order, customer or product sleeps until its own events come, so a thousand idle tails cost next to
nothing. A tail may be woken for nothing, but is never left asleep when an event of its own was announced.
"""

import logging
from asyncio import Event, Task, create_task
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain

from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.streaming.topics import ALL, Topic, touched_since
from ordertrail_server.history.tokens import Offsets, latest
from ordertrail_server.orders.refusal import Refused

_log = logging.getLogger(__name__)

Tails = dict[str, set[Event]]


class Arrivals:
    """Watches the progress of the read model while any tail is open."""

    def __init__(self, model: ReadModel, progress: Progress) -> None:
        self._model, self._progress = model, progress
        self._tails: dict[str, Tails] = {}
        self._newcomers: set[Event] = set()
        self._watch: Task[None] | None = None
        self.announced: Offsets = ()
        """The offsets before which every event was announced to the tails it concerns."""

    @contextmanager
    def of(self, topic: Topic) -> Iterator[Event]:
        """Give an event that is set whenever something of the topic may have arrived.

        Clear it, then look, then wait for it: whatever the look missed sets it.
        """
        arrived = Event()
        self._add(topic, arrived)
        try:
            yield arrived
        finally:
            self._remove(topic, arrived)

    def wake_all(self) -> None:
        """Set the event of every tail."""
        self._wake({ALL})

    def _add(self, topic: Topic, arrived: Event) -> None:
        if self._watch is None:
            self.announced = self._projected()
            self._watch = create_task(self._announce())
        self._tails.setdefault(topic.kind, {}).setdefault(topic.name, set()).add(arrived)
        self._newcomers.add(arrived)

    def _remove(self, topic: Topic, arrived: Event) -> None:
        self._newcomers.discard(arrived)
        tails = self._tails[topic.kind]
        tails[topic.name].discard(arrived)
        if not tails[topic.name]:
            del tails[topic.name]
        if not any(self._tails.values()) and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _announce(self) -> None:
        while True:
            await self._progress.wait_beyond(dict(enumerate(self.announced)))
            self._newcomers.clear()
            self.announced, touched = await self._touched()
            self._wake(touched)

    async def _touched(self) -> tuple[Offsets, set[Topic]]:
        projected = self._projected()
        kinds = [kind for kind, tails in self._tails.items() if tails]
        products = list(self._tails.get("product", ()))
        try:
            read_positions, touched = await self._model.read(
                partial(touched_since, self._model, self.announced, kinds, products)
            )
        except Refused:  # each tail learns why by its own look
            return self._projected(), {ALL}
        except Exception:  # whatever it is, tails must not sleep on: the watch goes on, and each looks for itself
            _log.exception("whom new events concern could not be read, so every stream looks")
            return self._projected(), {ALL}
        # A gap at the end of the log is in no read model, but what lies before it was looked through.
        return latest([read_positions, projected]), touched

    def _wake(self, touched: set[Topic]) -> None:
        # A newcomer came while touched_since was reading: it was not asked about, and may have looked before.
        _set(self._newcomers)
        if ALL in touched:
            _set(chain.from_iterable(chain.from_iterable(map(dict.values, self._tails.values()))))
            return
        for kind, name in {ALL, *touched}:
            _set(self._tails.get(kind, {}).get(name, ()))

    def _projected(self) -> Offsets:
        return tuple(self._progress.positions.get(p, 0) for p in range(self._model.partitions))


def _set(events: Iterable[Event]) -> None:
    for event in events:
        event.set()
