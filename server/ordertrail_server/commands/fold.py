"""The write side's fold of one partition: the state that commands are decided on, confirmed by the log."""

from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ordertrail_server.commands.fact import Fact, fact_of
from ordertrail_server.commands.hot_orders import HotOrders
from ordertrail_server.commands.retry import refold_order
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Log, LogDamaged, Logged, LogUnavailable
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate, advance
from ordertrail_server.orders.chain import NO_PREDECESSOR, Verdict, judge
from ordertrail_server.schema.reading import Reading, read

HOT_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class Snapshot:
    """What was folded since the previous snapshot, stored with its position in one transaction.

    The facts are in the order of the log, each with its order id. `broken` are the order ids and offsets of the records
    that broke a chain; `corrected` are facts of a parked order that were stored with another time before. `size` is its
    approximate size in memory.
    """

    position: int
    digest: bytes
    orders: dict[str, Aggregate] = field(default_factory=dict)
    facts: list[tuple[str, Fact]] = field(default_factory=list)
    receipts: dict[tuple[str, str], Fact] = field(default_factory=dict)
    digests: dict[tuple[str, int], bytes] = field(default_factory=dict)
    broken: list[tuple[str, int]] = field(default_factory=list)
    corrected: list[tuple[str, Fact]] = field(default_factory=list)
    size: int = 0

    def note(self, order_id: str, fact: Fact) -> None:
        """Add a fact. If several facts have the same request id, the first one is the receipt of the request."""
        self.facts.append((order_id, fact))
        self.receipts.setdefault((order_id, fact.request_id), fact)
        self.digests[order_id, fact.version] = fact.digest


class StoreDamaged(OperatorError):
    """The snapshot store is damaged, and must be rebuilt from the log."""


class StoreUnavailable(LogUnavailable):
    """The snapshot store cannot be read for now; nothing was changed."""


class SnapshotStore(Protocol):
    """The stored snapshot: where the fold begins, and what it does not hold in memory.

    Every query may raise StoreDamaged, StoreUnavailable.
    """

    def position(self, partition: int) -> tuple[int, bytes]:
        """Return the next offset to fold and the digest of the last folded record; (0, b"") before the first one."""

    def aggregate(self, order_id: str) -> Aggregate | None:
        """Return an order as of the stored position, or None if the order did not exist there."""

    def receipt(self, order_id: str, request_id: str) -> Fact | None:
        """Return the fact that a request led to, or None."""

    def digest_of(self, order_id: str, version: int) -> bytes | None:
        """Return the digest of the order's fact with this version, or None."""

    def offsets_after(self, order_id: str, version: int) -> list[int]:
        """Return the offsets of an order's facts after a version, and of the records that broke its chain."""


class Fold:
    """Folds one partition, record by record. Not for more than one task at a time."""

    def __init__(
        self,
        log: Log,
        partition: int,
        store: SnapshotStore,
        hot_bytes: int = HOT_BYTES,
        slices: TimeSlices | None = None,
    ) -> None:
        self._log, self._partition, self._store = log, partition, store
        self._hot = HotOrders(hot_bytes)
        self._unsaved = Snapshot(*store.position(partition))
        self._saving: Snapshot | None = None
        self._saved_up_to = self.position
        self._slices = slices or TimeSlices()

    @property
    def position(self) -> int:
        """The offset before which everything is folded."""
        return self._unsaved.position

    # State

    def aggregate(self, order_id: str) -> Aggregate:
        """Return an order as folded up to `position`."""
        stored = self._hot.get(order_id)
        if stored is not None:
            return stored
        for part in self._parts():
            if order_id in part.orders:
                stored = part.orders[order_id]
                break
        else:
            stored = self._store.aggregate(order_id)
        if stored is None:
            return NO_ORDER
        self._hot.put(order_id, stored)
        return stored

    def _parts(self) -> list[Snapshot]:
        return [self._unsaved] if self._saving is None else [self._unsaved, self._saving]

    def receipt(self, order_id: str, request_id: str) -> Fact | None:
        """Return the fact that a request led to, or None. Receipts are kept for ever."""
        # The oldest first: if a foreign writer repeated a request id, the first fact is the receipt of the request.
        stored = self._store.receipt(order_id, request_id)
        if stored is not None:
            return stored
        for part in reversed(self._parts()):
            if (order_id, request_id) in part.receipts:
                return part.receipts[order_id, request_id]
        return None

    def _digest_of(self, order_id: str, version: int) -> bytes | None:
        for part in self._parts():
            if (order_id, version) in part.digests:
                return part.digests[order_id, version]
        return self._store.digest_of(order_id, version)

    # Folding

    async def catch_up(self, end: int | None = None) -> None:
        """Fold up to `end`, or to the end that the log has now. Raises LogDamaged, LogUnavailable."""
        target = await self._log.end(self._partition) if end is None else end
        if target < self.position:
            raise facts_missing(self._partition, target, self.position)
        while self.position < target:
            records = await self._log.read(self._partition, self.position, 1_000)
            if not records:
                # The remaining offsets may be transaction markers, which the log recognizes only by a read. Others may
                # have appended after them meanwhile.
                previous_target, target = target, await self._log.end(self._partition)
                if target == previous_target or target < self.position:
                    raise facts_missing(self._partition, self.position, previous_target)
            await self._slices.map(self.take, records)

    def take(self, logged: Logged) -> Verdict | None:
        """Fold one record; return its verdict, None for a foreign one, which has no effect."""
        reading = read(logged.value)
        if reading is None or not self._belongs(reading, logged.key):
            self._pass(logged.offset, logged.digest)
            return None
        return self.fold(reading, logged.digest, logged.offset)

    def _belongs(self, reading: Reading, key: str) -> bool:
        order_id = reading.event.order_id
        return key == order_id and partition_of(order_id, self._log.partitions) == self._partition

    def fold(
        self, reading: Reading, digest: bytes, offset: int, step: tuple[Aggregate, Aggregate] | None = None
    ) -> Verdict:
        """Judge a record of this partition, and fold it if it is a fact.

        `step` is the order before and after the record, if both are already computed.
        """
        event = reading.event
        order_id = event.order_id
        before = step[0] if step else self.aggregate(order_id)
        version, previous = event.order_version, event.previous
        verdict = judge(before.version, before.head, version, previous, partial(self._digest_of, order_id))
        if verdict is Verdict.FACT:
            after = step[1] if step else advance(before, event, reading.fault, digest)
            self._put(order_id, after)
            self._unsaved.note(order_id, fact_of(event, after, digest, offset))
        elif verdict is Verdict.BROKEN:
            self._put(order_id, before._replace(parked=before.parked or f"its chain is broken at offset {offset}"))
            self._unsaved.broken.append((order_id, offset))
        self._pass(offset, digest)
        return verdict

    def _put(self, order_id: str, aggregate: Aggregate) -> None:
        self._unsaved.orders[order_id] = aggregate
        self._unsaved.size += self._hot.put(order_id, aggregate)

    def _pass(self, offset: int, digest: bytes) -> None:
        self._unsaved.position, self._unsaved.digest = offset + 1, digest

    # A parked order

    async def retry(self, order_id: str) -> Aggregate | None:
        """Fold the unfolded facts of a parked order again; return the order afterwards, None if it is not parked.

        It may run beside the task that folds, because nothing is awaited between the last query for records of the
        order and its replacement. If it raises LogDamaged, LogUnavailable or StoreDamaged, nothing has changed.
        """
        parked = self.aggregate(order_id)
        if not parked.parked:
            return None
        version = parked.order.version if parked.order else 0
        before = Aggregate(parked.order, version, self._digest_of(order_id, version) or NO_PREDECESSOR, "")
        refolded = await refold_order(
            self._log, self._partition, before, partial(self._offsets_after, order_id, version)
        )
        self._put(order_id, refolded.order)
        self._unsaved.corrected.extend((order_id, fact) for fact in refolded.corrected)
        return refolded.order

    def _offsets_after(self, order_id: str, version: int) -> list[int]:
        offsets = set(self._store.offsets_after(order_id, version))
        for part in self._parts():
            offsets.update(fact.offset for of, fact in part.facts if of == order_id and fact.version > version)
            offsets.update(offset for of, offset in part.broken if of == order_id)
        return sorted(offsets)

    # Snapshots

    @property
    def unsaved(self) -> int:
        """The number of records since the last snapshot was taken; if there are none, the number of changed orders."""
        return self.position - self._saved_up_to or len(self._unsaved.orders)

    @property
    def unsaved_bytes(self) -> int:
        """The approximate size in memory of the orders that changed since the last snapshot was taken."""
        return self._unsaved.size

    def snapshot(self) -> Snapshot:
        """Return what must be stored. It returns the same snapshot until `saved` is called."""
        if self._saving is None:
            self._saving, self._saved_up_to = self._unsaved, self.position
            self._unsaved = Snapshot(self._saving.position, self._saving.digest)
        return self._saving

    def saved(self) -> None:
        """Note that the snapshot is stored."""
        self._saving = None


def facts_missing(partition: int, end: int, position: int) -> LogDamaged:
    """Return the error for a partition that ends before the position that was folded."""
    return LogDamaged(
        f"partition {partition} ends at offset {end}, but it had {position} records: facts are missing; restore the log"
    )
