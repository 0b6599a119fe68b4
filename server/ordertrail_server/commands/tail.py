"""The tail of a partition: its links that the projection `orders` does not include yet."""

from collections import deque
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ordertrail_server.facts.link import Link
from ordertrail_server.facts.step import Judged, fold_judged
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.aggregate import Aggregate

# About what an entry takes in memory: a fixed part, and its record, which is also parsed.
ENTRY_BYTES, TIMES_STORED = 1_024, 6


class TailEntry(NamedTuple):
    """A link of an order, or a record that broke its chain (without a link), as it is on the log."""

    logged: Logged
    judged: Judged
    link: Link | None
    size: int


class Tail:
    """The entries of one partition in the order of the log, also by order. `size` is about their memory in bytes."""

    def __init__(self) -> None:
        self._entries: deque[TailEntry] = deque()
        self._by_order: dict[str, list[TailEntry]] = {}
        self._receipts: dict[tuple[str, bytes], TailEntry] = {}
        self.size = 0

    def add(self, logged: Logged, judged: Judged, link: Link | None) -> None:
        """Add the next entry."""
        entry = TailEntry(logged, judged, link, ENTRY_BYTES + TIMES_STORED * len(logged.value))
        self._entries.append(entry)
        self._by_order.setdefault(logged.key, []).append(entry)
        if link is not None:
            self._receipts.setdefault((logged.key, link.request), entry)
        self.size += entry.size

    def forget(self, offset: int) -> None:
        """Remove all entries before an offset, because the projection includes them."""
        entries = self._entries
        while entries and entries[0].logged.offset < offset:
            self._remove_from_order(entries.popleft())

    def entries_of(self, order_id: str) -> Sequence[TailEntry]:
        """Return the entries of an order."""
        return self._by_order.get(order_id, ())

    def newest_link(self, order_id: str) -> Link | None:
        """Return the newest link of an order, None if the tail has none."""
        return next((entry.link for entry in reversed(self.entries_of(order_id)) if entry.link), None)

    def receipt(self, order_id: str, request: bytes) -> TailEntry | None:
        """Return the entry of the first link with a request."""
        return self._receipts.get((order_id, request))

    def links_at(self, order_id: str, version: int) -> Collection[bytes]:
        """Return the digests of an order's links with a version."""
        links = (entry.link for entry in self.entries_of(order_id))
        return [link.digest for link in links if link is not None and link.version == version]

    def fold(self, order_id: str, stored: Aggregate, begin: int, end: int | None = None) -> Aggregate:
        """Return an order after its entries from offset `begin` to before `end`; `stored` is the order at `begin`."""
        for entry in self.entries_of(order_id):
            if begin <= entry.logged.offset and (end is None or entry.logged.offset < end):
                stored = fold_judged(stored, entry.judged, entry.logged)
        return stored

    def _remove_from_order(self, entry: TailEntry) -> None:
        key, link = entry.logged.key, entry.link
        entries = self._by_order[key]
        del entries[0]
        if not entries:
            del self._by_order[key]
        if link is not None and self._receipts.get((key, link.request)) is entry:
            del self._receipts[key, link.request]
        self.size -= entry.size
