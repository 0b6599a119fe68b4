"""The command side's state of one partition: the projection `orders`, and the tail of the log that it lacks.

Heads of the tail are known at once. The state of an order is folded when a command needs it.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Protocol

from ordertrail_server.commands.hot_orders import HotOrders
from ordertrail_server.commands.tail import Tail, TailEntry
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.facts.link import Link, link_of, request_key
from ordertrail_server.facts.step import Judged, Place, judge_message
from ordertrail_server.log.port import Log, LogDamaged, Logged, LogUnavailable
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.orders.chain import LINKS, Verdict, judge
from ordertrail_server.schema.reading import Reading

HOT_BYTES = 32 * 1024 * 1024
TAIL_BYTES = 64 * 1024 * 1024


class StoreUnavailable(LogUnavailable):
    """The projection `orders` cannot be read for now; nothing was changed."""


class StoreDamaged(StoreUnavailable):
    """A page of the projection `orders` is damaged. Other pages can be read until it is built again from the log."""


class ProjectionBehind(LogUnavailable):
    """The tail of the log that is not projected is as long as memory allows."""


class OrderStore(Protocol):
    """The projection `orders` of one partition, which another process extends.

    Every query may raise StoreDamaged, StoreUnavailable.
    """

    def position(self) -> int:
        """Return the offset up to which messages are projected."""

    def aggregate(self, order_id: str) -> tuple[Aggregate, int]:
        """Return an order, NO_ORDER if it does not exist, and the offset as of which it is."""

    def aggregates(self, order_ids: Sequence[str]) -> tuple[dict[str, Aggregate], int]:
        """Return those of the orders that exist, and the offset as of which all of them are."""

    def head(self, order_id: str) -> tuple[Aggregate, int]:
        """Return the same as `aggregate` without the state of the order."""

    def receipt(self, order_id: str, request: bytes) -> Link | None:
        """Return the first link with a request, or None."""

    def links_at(self, order_id: str, version: int) -> Collection[bytes]:
        """Return the digests of an order's links with a version."""


class Fold:
    """Folds one partition, record by record. Not for more than one task at a time."""

    def __init__(
        self,
        log: Log,
        partition: int,
        store: OrderStore,
        hot_bytes: int = HOT_BYTES,
        tail_bytes: int = TAIL_BYTES,
        slices: TimeSlices | None = None,
    ) -> None:
        self._log, self._partition, self._store = log, partition, store
        self._place = Place(partition, log.partitions)
        self._hot, self._tail, self._tail_bytes = HotOrders(hot_bytes), Tail(), tail_bytes
        self._slices = slices or TimeSlices()
        self._reported = 0
        self.position = store.position()
        """The offset before which everything is folded."""

    # State

    def aggregate(self, order_id: str) -> Aggregate:
        """Return an order as folded up to `position`, or as projected if that is newer."""
        hot = self._hot.get(order_id)
        if hot is not None:
            return hot
        return self._fold_tail(order_id, *self._store.aggregate(order_id))

    def aggregates(self, order_ids: Sequence[str]) -> dict[str, Aggregate]:
        """Return each order as `aggregate` does, with one query of the projection."""
        aggregates = {order_id: self._hot.get(order_id) for order_id in order_ids}
        missing = [order_id for order_id, hot in aggregates.items() if hot is None]
        stored, begin = self._store.aggregates(missing) if missing else ({}, 0)
        return {
            order_id: hot or self._fold_tail(order_id, stored.get(order_id, NO_ORDER), begin)
            for order_id, hot in aggregates.items()
        }

    def _fold_tail(self, order_id: str, stored: Aggregate, begin: int) -> Aggregate:
        aggregate = self._tail.fold(order_id, stored, begin)
        if aggregate.head and not aggregate.parked:  # a retry may free a parked order at any time
            self._hot.put(order_id, aggregate)
        return aggregate

    def receipt(self, order_id: str, request_id: str) -> Link | None:
        """Return the link that a request led to, or None. Receipts are kept for ever."""
        # The oldest first: if a foreign writer repeated a request id, the first link is the receipt of the request.
        request = request_key(request_id)
        stored = self._store.receipt(order_id, request)
        if stored is not None:
            return stored
        entry = self._tail.receipt(order_id, request)
        return self._fold_link(entry) if entry else None

    def _fold_link(self, entry: TailEntry) -> Link | None:
        """Return the link of an entry with the time of the fold, which needs the order after it."""
        order_id, link, reading = entry.logged.key, entry.link, entry.judged.reading
        if link is None or reading is None or link.is_refusal:
            return link
        stored, begin = self._store.aggregate(order_id)
        if begin > link.offset:  # it was projected since the query for the receipt
            return self._store.receipt(order_id, link.request)
        after = self._tail.fold(order_id, stored, begin, link.offset + 1)
        return link_of(reading.event, after, link.digest, link.offset)

    @property
    def is_behind(self) -> bool:
        """True if the tail is as long as memory allows."""
        return self._tail.size >= self._tail_bytes

    # Folding

    async def catch_up(self, end: int | None = None) -> None:
        """Fold up to `end`, or to the end that the log has now. Raises LogDamaged, LogUnavailable, ProjectionBehind."""
        # The projection may be ahead of an end that a replaced leader reports.
        target = await self._log.end(self._partition, at_least=self.position) if end is None else end
        if target < self.position:
            raise facts_missing(self._partition, target, self.position)
        while self.position < target:
            if self.is_behind:
                raise ProjectionBehind(f"the projection orders is too far behind the log ({self._tail.size} bytes)")
            records = await self._log.read(self._partition, self.position, 1_000)
            if not records:
                # The remaining offsets may be transaction markers, which the log recognizes only by a read. Others may
                # have appended after them meanwhile.
                previous_target, target = target, await self._log.end(self._partition)
                if target == previous_target or target < self.position:
                    raise facts_missing(self._partition, self.position, previous_target)
            await self._slices.map(self.take, records)

    def take(self, logged: Logged) -> Verdict | None:
        """Fold one record; return its verdict, None if the projection includes it already."""
        order_id = logged.key
        head = self._head_before(order_id, logged.offset)
        self.position = logged.offset + 1
        if head is None:
            self._hot.remove(order_id)
            return None
        judged = judge_message(logged, head, self._place, partial(self._links_at, order_id))
        if judged.verdict in (Verdict.FACT, Verdict.REFUSAL, Verdict.BROKEN) and judged.reading is not None:
            self._hot.remove(order_id)
            self._tail.add(logged, judged, _link_of(judged, judged.reading, logged))
        return judged.verdict

    def take_own(self, logged: Logged, reading: Reading, link: Link, before: Aggregate, after: Aggregate) -> Verdict:
        """Fold a record of this writer; `before` and `after` are its order, which the writer has computed."""
        event = reading.event
        links_at = partial(self._links_at, logged.key)
        is_refusal = reading.refusal is not None
        verdict = judge(before.version, before.head, event.order_version, event.previous, is_refusal, links_at)
        if verdict in LINKS:
            self.position = logged.offset + 1
            self._hot.put(logged.key, after)
            # The projector may be faster than the writer that appended the record. No later report would remove it.
            if logged.offset >= self._reported:
                self._tail.add(logged, Judged(verdict, reading), link)
        return verdict

    def note_projected(self, offset: int) -> None:
        """Forget the tail before an offset, because the projection includes it."""
        self._reported = max(self._reported, offset)
        self._tail.forget(offset)

    def _head_before(self, order_id: str, offset: int) -> Aggregate | None:
        """Return the head of an order before the record at `offset`; None if the projection includes that record."""
        link = self._tail.newest_link(order_id)
        if link is not None:
            return Aggregate(None, link.version, link.digest, "")
        head, projected = self._store.head(order_id)
        return None if offset < projected else head

    def _links_at(self, order_id: str, version: int) -> Collection[bytes]:
        return {*self._store.links_at(order_id, version), *self._tail.links_at(order_id, version)}


def facts_missing(partition: int, end: int, position: int) -> LogDamaged:
    """Return the error for a partition that ends before the position that was folded."""
    return LogDamaged(
        f"partition {partition} ends at offset {end}, but it had {position} records: facts are missing; restore the log"
    )


def _link_of(judged: Judged, reading: Reading, logged: Logged) -> Link | None:
    if judged.verdict is Verdict.BROKEN:
        return None
    cause, is_refusal = reading.event.cause, judged.verdict is Verdict.REFUSAL
    request = request_key(cause.request_id)
    return Link(
        reading.event.order_version, logged.digest, request, cause.command_digest, logged.offset, None, is_refusal
    )
