"""The aggregate: an order's state, the head of its chain, and why it is parked, if it is."""

from typing import NamedTuple

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.chain import NO_PREDECESSOR
from ordertrail_server.orders.error_text import error_text, named_error_text
from ordertrail_server.orders.evolve import CannotFold, evolve


class Aggregate(NamedTuple):
    """An order folded up to `head`, the newest link of its chain, and `version`, that of its last fact.

    `parked` is empty, or the reason why later facts could not be folded. Then `order` is the state before them, but
    `version` and `head` are those of the last fact, because its envelope is readable even if its event is not.
    """

    order: Order | None
    version: int
    head: bytes
    parked: str


NO_ORDER = Aggregate(None, 0, NO_PREDECESSOR, "")


def park_broken(aggregate: Aggregate, offset: int) -> Aggregate:
    """Return the aggregate after the record at `offset` broke its chain. A parked order keeps its first reason."""
    return aggregate._replace(parked=aggregate.parked or f"its chain is broken at offset {offset}")


def advance(aggregate: Aggregate, event: HistoryEvent, fault: str, digest: bytes) -> Aggregate:
    """Return the aggregate after a fact; `fault` is the reason if its event could not be read."""
    if aggregate.parked or fault:
        return Aggregate(aggregate.order, event.order_version, digest, aggregate.parked or fault)
    try:
        order = evolve(aggregate.order, event)
    except CannotFold as error:
        return Aggregate(aggregate.order, event.order_version, digest, f"cannot be folded: {error_text(error)}")
    except Exception as error:  # a defect of evolve or an impossible value parks the order; the fold continues
        cause = f"cannot be folded: {named_error_text(error)}"
        return Aggregate(aggregate.order, event.order_version, digest, cause)
    return Aggregate(order, event.order_version, digest, "")
