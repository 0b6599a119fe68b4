"""The fold of the order history: records of one partition become rows. Its only I/O are queries for older digests."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER, Logged
from ordertrail_server.log.position import first_packed
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate, advance
from ordertrail_server.orders.chain import Verdict, judge
from ordertrail_server.orders.products import products_named
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.rows import Rows, customer_of
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.schema.ready_event import ready_event
from ordertrail_server.schema.wire import first_field

EVENT_TYPE = {case.name: case.number for case in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields}

StoredDigest = Callable[[str, Aggregate, int], bytes | None]


class Place(NamedTuple):
    """The partition of a batch: its topic, its number, and the log's number of partitions."""

    topic: str
    partition: int
    partitions: int


class BatchFold:
    """Folds records one after another, into `rows`.

    `stored` has every order of the batch's keys as of before the batch, if it existed. `stored_digest`
    returns the digest of an order's fact of a version up to there.
    """

    def __init__(
        self,
        place: Place,
        stored: Mapping[str, Aggregate],
        stored_digest: StoredDigest,
    ) -> None:
        self._place, self._stored, self._stored_digest = place, stored, stored_digest
        self._first_position = first_packed(place.partition)
        self._digests: dict[tuple[str, int], bytes] = {}
        self._digests_of_events = 0
        self.rows = Rows()

    def take(self, logged: Logged) -> None:
        """Fold one record."""
        reading = read(logged.value)
        if (logged.key, logged.value) == BARRIER:
            self._no_record(logged, "barrier", "a server appended it to find the end of the partition")
            return
        self.rows.written.append(0 if reading is None else reading.number)
        foreign = self._why_foreign(logged, reading)
        if reading is None or foreign is not None:
            self._no_record(logged, "foreign", foreign or "")
            return
        event = reading.event
        order_id, version = event.order_id, event.order_version
        before = self.rows.orders.get(order_id) or self._stored.get(order_id, NO_ORDER)
        digest_of = partial(self._digest_of, order_id)
        verdict = judge(before.version, before.head, version, event.previous, digest_of)
        if verdict is Verdict.FACT:
            self._fact(logged, reading, before)
        else:
            self._not_fact(logged, event, before, verdict)

    def _no_record(self, logged: Logged, verdict: str, why: str) -> None:
        self.rows.not_facts.append((self._first_position | logged.offset, verdict, None, why, None))

    def _why_foreign(self, logged: Logged, reading: Reading | None) -> str | None:
        if reading is None:
            return "its value is not a readable record"
        if reading.event.order_id != logged.key:
            return "its key is not the order id that it names"
        if partition_of(logged.key, self._place.partitions) != self._place.partition:
            return "its order belongs to another partition"
        return None

    def _fact(self, logged: Logged, reading: Reading, before: Aggregate) -> None:
        event = reading.event
        after = advance(before, event, reading.fault, logged.digest)
        self.rows.orders[event.order_id] = after
        if after.order is None or after.parked:
            self._park(logged, reading, before, after)
        else:
            self._event(logged, reading, after.order)

    def _event(self, logged: Logged, reading: Reading, order: Order) -> None:
        offset, value, digest, event = logged.offset, logged.value, logged.digest, reading.event
        time, own = order.update_time, event.record_time
        # Within an order time never goes back, so the stored event has the time of the fold instead of the record's.
        override = None if time.seconds == own.seconds and time.nanos == own.nanos else time
        topic, partition, _ = self._place
        ready = ready_event(reading, value, topic, partition, offset, digest, override)
        position = self._first_position | offset
        kind = EVENT_TYPE[event.WhichOneof("event") or ""]
        at = nanoseconds(time)
        row = (position, event.order_id, event.order_version, customer_of(order), kind, at, digest, first_field(ready))
        self.rows.events.append(row)
        for product_id in products_named(event):
            self.rows.event_products.append((product_id, position))

    def _park(self, logged: Logged, reading: Reading, before: Aggregate, after: Aggregate) -> None:
        event = reading.event
        order_id, position = event.order_id, self._first_position | logged.offset
        self.rows.parked.append((position, order_id, reading.fault or after.parked, logged.value))
        self._digests[order_id, event.order_version] = logged.digest
        self._note_parked(order_id, position, event.record_time, before, after)

    def _not_fact(self, logged: Logged, event: HistoryEvent, before: Aggregate, verdict: Verdict) -> None:
        order_id, offset = event.order_id, logged.offset
        position, time = self._first_position | offset, event.record_time
        detail = f"it claims version {event.order_version}, but its order was at version {before.version}"
        self.rows.not_facts.append((position, verdict.value, order_id, detail, nanoseconds(time)))
        if verdict is Verdict.BROKEN:
            self.break_chain(order_id, offset, time)

    def break_chain(self, order_id: str, offset: int, record_time: Timestamp) -> None:
        """Park an order because of a record that is not linked to its chain."""
        before = self.rows.orders.get(order_id) or self._stored.get(order_id, NO_ORDER)
        after = before._replace(parked=before.parked or f"its chain is broken at offset {offset}")
        self.rows.orders[order_id] = after
        self._note_parked(order_id, self._first_position | offset, record_time, before, after)

    def _note_parked(
        self, order_id: str, position: int, record_time: Timestamp, before: Aggregate, after: Aggregate
    ) -> None:
        if not before.parked:
            self.rows.parked_orders.append((order_id, position, nanoseconds(record_time)))
        if after.order is None and order_id not in self._stored:
            self.rows.placeholders.setdefault(order_id, Order(order_id=order_id, create_time=record_time))

    def _digest_of(self, order_id: str, version: int) -> bytes | None:
        for _, of, its_version, _, _, _, its_digest, _ in self.rows.events[self._digests_of_events :]:
            self._digests[of, its_version] = its_digest
        self._digests_of_events = len(self.rows.events)
        digest = self._digests.get((order_id, version))
        stored = self._stored.get(order_id)
        if digest is None and stored is not None:
            return self._stored_digest(order_id, stored, version)
        return digest
