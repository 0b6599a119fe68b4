"""One short read of a stream: the next events asked for, partition by partition, and how far was looked."""

from operator import ge
from time import monotonic
from typing import NamedTuple

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.gathering import Gathering
from ordertrail_server.history.parked import parked_at, parked_reason
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import OFFSET_BITS, Offsets

WINDOW = 50_000
"""Positions looked through in one statement where not every row is asked for."""

SECONDS = 0.02
"""How long a read looks for rare events before it gives its thread to others."""


class Scope(NamedTuple):
    """What a stream asks for, and how far it goes: up to the offsets `until`, or for ever."""

    filter: EventFilter
    frame: Limits
    until: Offsets | None


class Scan(NamedTuple):
    """What one read found: events, the offsets before which all was looked through, and those to get to.

    `passed_over` are parked orders with facts that were looked at. `more` says that asked-for events wait behind
    `reached`. `parked` is why the one order asked for is parked.
    """

    events: bytes
    passed_over: tuple[str, ...]
    reached: Offsets
    ends: Offsets
    more: bool
    parked: str | None

    @property
    def at_end(self) -> bool:
        """Whether there is nothing left to look through."""
        return all(map(ge, self.reached, self.ends))


def scan(model: ReadModel, scope: Scope, begin: Offsets, connection: Connection) -> Scan:
    """Look on from the offsets `begin`."""
    projected = model.positions(connection)
    ends = projected if scope.until is None else tuple(map(min, scope.until, projected))
    parked = None
    if scope.filter.order_id:
        parked = parked_reason(connection, scope.filter.order_id)
        ends = _before(parked_at(connection, scope.filter.order_id), ends)
    look = _Look(connection, scope, begin)
    # Where least waits is looked first, so that a busy partition never keeps the others waiting.
    for partition in sorted(range(len(begin)), key=lambda p: ends[p] - begin[p]):
        if not look.through(partition, ends[partition]):
            break
    gathered = look.gathered
    return Scan(gathered.events, gathered.parked, tuple(look.reached), ends, gathered.more, parked)


def _before(parked: int | None, ends: Offsets) -> Offsets:
    # Tokens of a parked order's stream stay before what waits, so that it is sent once it was taken in.
    if parked is None:
        return ends
    home, offset = parked >> OFFSET_BITS, parked & (1 << OFFSET_BITS) - 1
    return tuple(min(end, offset) if partition == home else end for partition, end in enumerate(ends))


class _Look:
    def __init__(self, connection: Connection, scope: Scope, begin: Offsets) -> None:
        self._whole = scope.filter.exact
        self._stop = monotonic() + SECONDS
        self.reached, self.gathered = list(begin), Gathering(connection, scope.filter, scope.frame)

    def through(self, partition: int, end: int) -> bool:
        """Look through a partition up to `end`; return whether there is room and time to go on with others."""
        base = partition << OFFSET_BITS
        while self.reached[partition] < end:
            low = self.reached[partition]
            high = end if self._whole else min(end, low + WINDOW)
            self.reached[partition] = self.gathered.step(base | low, base | high) - base
            if self.gathered.full or monotonic() > self._stop:
                return False
        return True
