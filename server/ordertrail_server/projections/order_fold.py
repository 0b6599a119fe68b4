"""Folds the messages of one partition into a batch: judges each, and evolves its order."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.facts.link import Link, link_of
from ordertrail_server.facts.step import Judged, Place, step
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.orders.chain import Verdict
from ordertrail_server.projections.batch import AppliedFact, Batch, Parking, WaitingFact
from ordertrail_server.schema.reading import Reading

StoredLinks = Callable[[str, int], Collection[bytes]]
"""Returns the digests of an order's links with a version, up to before the batch."""


class OrderFold:
    """Folds messages one after another into `batch`.

    `stored` has every order of the batch's keys as of before the batch, if it existed; `orders` has those that the
    batch changed, as of its end. `links` has the new links with their order ids, in the order of the log.
    """

    def __init__(self, topic: str, place: Place, stored: Mapping[str, Aggregate], stored_links: StoredLinks) -> None:
        self._place, self._stored, self._stored_links = place, stored, stored_links
        self._links_of: dict[tuple[str, int], list[bytes]] = {}
        self._indexed_links = 0
        self.batch = Batch(topic, place.partition, 0, b"")
        self.orders: dict[str, Aggregate] = {}
        self.links: list[tuple[str, Link]] = []

    def take(self, logged: Logged) -> None:
        """Fold the next message of the partition."""
        order_id = logged.key
        before = self.orders.get(order_id) or self._stored.get(order_id, NO_ORDER)
        judged, _, after = step(logged, before, self._place, partial(self._links_at, order_id))
        self.batch.next_offset, self.batch.digest = logged.offset + 1, logged.digest
        if after is not before:
            self.orders[order_id] = after
        if judged.verdict is Verdict.FACT:
            self._take_fact(logged, judged, before, after)
        else:
            self._take_other(logged, judged, before, after)

    def _take_fact(self, logged: Logged, judged: Judged, before: Aggregate, after: Aggregate) -> None:
        reading = judged.reading
        assert reading is not None  # only a readable record is a fact
        self.links.append((logged.key, link_of(reading.event, after, logged.digest, logged.offset)))
        if after.parked:
            self.batch.waiting.append(WaitingFact(logged, reading, reading.fault or after.parked))
            self._note_parked(logged, before, after)
        else:
            self.batch.facts.append(_applied(logged, reading, before.order, after.order))

    def _take_other(self, logged: Logged, judged: Judged, before: Aggregate, after: Aggregate) -> None:
        self.batch.non_facts.append((logged, judged))
        if judged.verdict is Verdict.REFUSAL and judged.reading is not None:
            link = link_of(judged.reading.event, after, logged.digest, logged.offset, is_refusal=True)
            self.links.append((logged.key, link))
        elif judged.verdict is Verdict.BROKEN:
            self._note_parked(logged, before, after)

    def _note_parked(self, logged: Logged, before: Aggregate, after: Aggregate) -> None:
        if not before.parked:
            self.batch.parked[logged.key] = Parking(after.parked, self.batch.position_of(logged.offset))

    def _links_at(self, order_id: str, version: int) -> Collection[bytes]:
        for of, link in self.links[self._indexed_links :]:
            self._links_of.setdefault((of, link.version), []).append(link.digest)
        self._indexed_links = len(self.links)
        return {*self._stored_links(order_id, version), *self._links_of.get((order_id, version), ())}


def _applied(logged: Logged, reading: Reading, before: Order | None, after: Order | None) -> AppliedFact:
    assert after is not None  # a fact that was folded leads to an order
    customer_id = after.customer_id if after.HasField("customer_id") else None
    return AppliedFact(logged, reading, after.update_time, customer_id, before, after)
