"""One short read of a stream: the next matching events, partition by partition, and the offsets it reached."""

from operator import ge
from time import monotonic
from typing import NamedTuple

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.page_builder import PageBuilder
from ordertrail_server.history.parked_state import is_visible, parked_at, parked_reason
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.span import Span
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.position import LogPosition, first_packed

WINDOW = 50_000
"""Positions that one statement covers if not every row matches."""

SECONDS = 0.02
"""How long a read searches for rare events before it gives its thread to others."""


class ScanConditions(NamedTuple):
    """The events of a stream, and its end: the offsets `until`, or None if it follows the log.

    From the offsets `last` on, if they are known, no event before the end matches.
    """

    filter: EventFilter
    frame: Limits
    until: Offsets | None
    last: Offsets | None = None


class Scan(NamedTuple):
    """The result of one read: events, the offsets that it `reached`, and the offsets where the stream `ends` for now.

    `skipped_orders` are parked orders with facts in the range that was read. `has_more` is true if further matching
    events exist behind `reached`. `parked` is the reason if the stream is of one parked order.
    """

    events: bytes
    skipped_orders: tuple[str, ...]
    reached: Offsets
    ends: Offsets
    has_more: bool
    parked: str | None

    @property
    def at_end(self) -> bool:
        """True if the read reached the ends of all partitions."""
        return all(map(ge, self.reached, self.ends))


def read_scan(model: ReadModel, conditions: ScanConditions, begin: Offsets, connection: Connection) -> Scan:
    """Read the next events from the offsets `begin` on."""
    projected = model.positions(connection)
    ends = projected if conditions.until is None else tuple(map(min, conditions.until, projected))
    parked = None
    if conditions.filter.order_id and is_visible(connection, conditions.filter):
        parked = parked_reason(connection, conditions.filter.order_id)
        ends = _end_before_parked(parked_at(connection, conditions.filter.order_id), ends)
    reader = _PartitionReader(connection, conditions, begin)
    # The partition with the fewest records left comes first, so a busy partition never blocks the others.
    for partition in sorted(range(len(begin)), key=lambda p: ends[p] - begin[p]):
        if not reader.read(partition, ends[partition]):
            break
    page = reader.page
    return Scan(page.events, page.skipped_orders, tuple(reader.reached), ends, page.has_more, parked)


def read_scans(
    model: ReadModel, conditions: ScanConditions, begin: Offsets, count: int, connection: Connection
) -> list[Scan]:
    """Read up to `count` consecutive scans; fewer if no full frame follows."""
    scans = [read_scan(model, conditions, begin, connection)]
    while len(scans) < count and scans[-1].has_more:
        scans.append(read_scan(model, conditions, scans[-1].reached, connection))
    return scans


def _end_before_parked(parked: int | None, ends: Offsets) -> Offsets:
    # Tokens of a parked order's stream stay before its waiting facts, so these are sent once they are folded.
    if parked is None:
        return ends
    home, offset = LogPosition.unpack(parked)
    return tuple(min(end, offset) if partition == home else end for partition, end in enumerate(ends))


class _PartitionReader:
    def __init__(self, connection: Connection, conditions: ScanConditions, begin: Offsets) -> None:
        # The statement visits each row of an order at most once, so windows of the log would only repeat it.
        self._reads_at_once = bool(conditions.filter.order_id) or conditions.filter.matches_every_row
        self._last = conditions.last
        self._end_time = monotonic() + SECONDS
        self.reached, self.page = list(begin), PageBuilder(connection, conditions.filter, conditions.frame)

    def read(self, partition: int, end: int) -> bool:
        """Read a partition up to `end`; return whether space and time are left for other partitions."""
        base, last = first_packed(partition), end if self._last is None else min(end, self._last[partition])
        while self.reached[partition] < last:
            low = self.reached[partition]
            high = last if self._reads_at_once else min(last, low + WINDOW)
            self.reached[partition] = self.page.step(Span(base | low, base | high)).low - base
            if self.page.is_full or monotonic() > self._end_time:
                return False
        self.reached[partition] = max(end, self.reached[partition])
        return True
