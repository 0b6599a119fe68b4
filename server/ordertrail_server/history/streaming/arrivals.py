"""Wakes streams: one read after each advance of the projector finds the subjects that got events.

A stream of one order, customer or product sleeps until its own events arrive, so a thousand idle streams cost next to
nothing. A stream may be woken without an event, but it is always woken for an event of its own.
"""

import logging
from asyncio import Event, Task, create_task
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain

from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.streaming.subjects import ALL, Subject, find_changed_subjects
from ordertrail_server.history.tokens import Offsets, latest
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refused

_log = logging.getLogger(__name__)

Subscribers = dict[str, set[Event]]


class Arrivals:
    """Watches the progress of the read model while any stream is open."""

    def __init__(self, model: ReadModel, progress: Progress) -> None:
        self._model, self._progress = model, progress
        self._subscribers: dict[str, Subscribers] = {}
        self._new_subscribers: set[Event] = set()
        self._watch: Task[None] | None = None
        self.announced: Offsets = ()
        """The offsets before which every event was announced to its subscribers."""

    @contextmanager
    def subscribe(self, subject: Subject) -> Iterator[Event]:
        """Provide an asyncio event that is set whenever an event of the subject may have arrived.

        Clear it, then scan, then wait for it: any arrival that the scan missed sets it.
        """
        arrived = Event()
        self._add(subject, arrived)
        try:
            yield arrived
        finally:
            self._remove(subject, arrived)

    def wake_all(self) -> None:
        """Wake every subscriber."""
        self._wake({ALL})

    def _add(self, subject: Subject, arrived: Event) -> None:
        if self._watch is None:
            self.announced = self._projected()
            self._watch = create_task(self._announce())
        self._subscribers.setdefault(subject.kind, {}).setdefault(subject.name, set()).add(arrived)
        self._new_subscribers.add(arrived)

    def _remove(self, subject: Subject, arrived: Event) -> None:
        self._new_subscribers.discard(arrived)
        subscribers = self._subscribers[subject.kind]
        subscribers[subject.name].discard(arrived)
        if not subscribers[subject.name]:
            del subscribers[subject.name]
        if not any(self._subscribers.values()) and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _announce(self) -> None:
        while True:
            await self._progress.wait_beyond(dict(enumerate(self.announced)))
            self._new_subscribers.clear()
            self.announced, changed = await self._find_changed()
            self._wake(changed)

    async def _find_changed(self) -> tuple[Offsets, set[Subject]]:
        projected = self._projected()
        kinds = [kind for kind, subscribers in self._subscribers.items() if subscribers]
        products = list(self._subscribers.get("product", ()))
        try:
            read_offsets, changed = await self._model.read(
                partial(find_changed_subjects, self._model, self.announced, kinds, products)
            )
        except Refused:  # each stream gets the reason from its own scan
            return self._projected(), {ALL}
        except Exception:  # the watch must continue: wake all streams, and each scans for itself
            _log.exception("the subjects of new events could not be read; every stream is woken")
            return self._projected(), {ALL}
        # A gap at the end of the log has no rows in the read model, but everything before it was read.
        return latest([read_offsets, projected]), changed

    def _wake(self, changed: set[Subject]) -> None:
        # The read did not cover the subscribers that arrived during it, and their own scans may have been earlier.
        _set_all(self._new_subscribers)
        if ALL in changed:
            _set_all(chain.from_iterable(chain.from_iterable(map(dict.values, self._subscribers.values()))))
            return
        for kind, name in {ALL, *changed}:
            _set_all(self._subscribers.get(kind, {}).get(name, ()))

    def _projected(self) -> Offsets:
        return tuple(self._progress.positions.get(p, 0) for p in range(self._model.partitions))


def _set_all(events: Iterable[Event]) -> None:
    for event in events:
        event.set()
