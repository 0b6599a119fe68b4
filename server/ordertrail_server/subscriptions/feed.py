"""Feeds the queues of one subscription with events, as long as it has consumers."""

import logging
from asyncio import FIRST_COMPLETED, Event, ensure_future, get_running_loop, sleep, timeout, wait
from collections.abc import Callable
from contextlib import suppress

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.subscriptions.dispatch import Dispatch
from ordertrail_server.subscriptions.event_source import EventSource
from ordertrail_server.subscriptions.loader import Demand, Loaded

_log = logging.getLogger(__name__)

READ_EVENTS, READ_BYTES = 500, 256 * 1024
"""The most events that one step reads."""

PENDING_EVENTS = 5_000
"""How many loaded events may wait to be handed out."""

RELOADS = 50
"""The most orders that one step reads again."""

IDLE_SECONDS = 5.0
"""How often an idle subscription looks for events and for orders that can be read again."""

RETRY_SECONDS = 0.5


class Feed:
    """Reads ahead while there is room. `pending_bytes` gives the bytes that may wait to be handed out."""

    def __init__(
        self,
        source: EventSource,
        event_filter: EventFilter,
        dispatch: Dispatch,
        pending_bytes: Callable[[], int],
        clock: Callable[[], int],
    ) -> None:
        self._source, self._filter, self._dispatch = source, event_filter, dispatch
        self._pending_bytes, self._clock = pending_bytes, clock
        self._room = Event()
        self._is_behind = True
        self._next_look = 0.0

    def note_room(self) -> None:
        """Note that events were handed out, or that some must be read again."""
        self._room.set()

    async def run(self, on_loaded: Callable[[], None]) -> None:
        """Read for ever, and call `on_loaded` after each step."""
        self._is_behind = True
        with self._source.arrivals(self._filter) as arrived:
            while True:
                arrived.clear()
                self._room.clear()
                try:
                    has_loaded = await self._step(on_loaded)
                except Refused as error:  # the projection is being built, or was switched
                    _log.debug("a subscription cannot read events for now: %s", error)
                    await sleep(RETRY_SECONDS)
                    continue
                if not has_loaded:
                    await self._wait(arrived)

    async def _step(self, on_loaded: Callable[[], None]) -> bool:
        """Read what there is room for. Return False if there was nothing to read."""
        room, reloads = self._find_room() if self._is_behind else None, self._dispatch.reloads(RELOADS)
        if room is None and not reloads:
            return False
        demand = Demand(tuple(self._dispatch.cursor), room, reloads)
        self._add(await self._source.load(self._filter, demand), demand)
        on_loaded()
        return True

    def _add(self, loaded: Loaded, demand: Demand) -> None:
        now = self._clock()
        for reloaded in loaded.reloaded:
            self._dispatch.add_reloaded(reloaded, now)
        self._dispatch.add_events(loaded.events, loaded.reached, now)
        for order_id, position, reason in loaded.unreadable:
            self._dispatch.add_unreadable(order_id, position, reason, now)
        if demand.room is not None:
            self._is_behind = loaded.has_more

    def _find_room(self) -> Limits | None:
        dispatch = self._dispatch
        if not dispatch.can_read:
            return None
        if self._room_left() is None and not dispatch.has_ready:
            dispatch.evict()
        return self._room_left()

    def _room_left(self) -> Limits | None:
        events = min(READ_EVENTS, PENDING_EVENTS - self._dispatch.pending_count)
        size = min(READ_BYTES, self._pending_bytes() - self._dispatch.pending_bytes)
        return Limits(events, size) if events > 0 and size > 0 else None

    async def _wait(self, arrived: Event) -> None:
        """Wait for events, or for room. Look for events anyway from time to time."""
        now = get_running_loop().time()
        if now >= self._next_look:
            self._next_look, self._is_behind = now + IDLE_SECONDS, True
            await self._free_unreadable()
            return
        with suppress(TimeoutError):
            async with timeout(self._next_look - now):
                await _wait_either(arrived, self._room)
        self._is_behind = self._is_behind or arrived.is_set()

    async def _free_unreadable(self) -> None:
        requests = self._dispatch.unreadable(RELOADS)
        if requests:
            with suppress(Refused):
                demand = Demand(tuple(self._dispatch.cursor), None, requests)
                self._add(await self._source.load(self._filter, demand), demand)


async def _wait_either(first: Event, second: Event) -> None:
    tasks = [ensure_future(first.wait()), ensure_future(second.wait())]
    try:
        await wait(tasks, return_when=FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
