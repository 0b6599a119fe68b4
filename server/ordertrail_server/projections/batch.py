"""A batch of judged messages of one partition, as projections get it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.facts.step import Judged
from ordertrail_server.log.port import Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.schema.reading import Reading


class AppliedFact(NamedTuple):
    """A fact that was folded into its order.

    `time` is the record time as folded, because within an order time never goes back. `customer_id` is None if the
    source of the order named no customer. `before` and `order` are the order before (None: there was none) and after
    the fact; a projection that does not use orders may get None for both, although they exist.
    """

    logged: Logged
    reading: Reading
    time: Timestamp
    customer_id: str | None
    before: Order | None
    order: Order | None

    @property
    def event(self) -> HistoryEvent:
        """The public event with its envelope: order id, version, record time, cause."""
        return self.reading.event


class WaitingFact(NamedTuple):
    """A fact that waits, because it or an earlier fact of its order cannot be folded."""

    logged: Logged
    reading: Reading
    reason: str


class Parking(NamedTuple):
    """Why an order is parked, and the packed position of the record that parked it."""

    reason: str
    position: int


@dataclass(slots=True)
class Batch:
    """The next messages of a partition, or the facts that no longer wait after retries of their orders.

    `next_offset` is the offset after the batch, `digest` that of its last message; retries leave both as they were.
    Every message is in one of `facts`, `waiting` and `non_facts` (refusals, and messages without effect).
    `parked` has the orders whose parking may have changed; None if an order is no longer parked.
    """

    topic: str
    partition: int
    next_offset: int
    digest: bytes
    facts: list[AppliedFact] = field(default_factory=list)
    waiting: list[WaitingFact] = field(default_factory=list)
    non_facts: list[tuple[Logged, Judged]] = field(default_factory=list)
    parked: dict[str, Parking | None] = field(default_factory=dict)

    def position_of(self, offset: int) -> int:
        """Return the packed position of an offset of this partition."""
        return LogPosition(self.partition, offset).pack()

    @property
    def orders(self) -> Mapping[str, Order]:
        """The orders that the facts changed, as of the end of the batch."""
        return {fact.event.order_id: fact.order for fact in self.facts if fact.order is not None}
