"""A small model of the log: the facts of one customer's orders, and the answers that requests must get."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.state_machine.order_model import State, decide

from ordertrail.commands import Request
from ordertrail.v1.receipt_pb2 import Receipt

EVENTS = {
    "PlaceOrder": "order_placed",
    "AddOrderLine": "order_line_added",
    "ChangeOrderLineQuantity": "order_line_quantity_changed",
    "RemoveOrderLine": "order_line_removed",
    "RescheduleDelivery": "order_delivery_rescheduled",
    "ConfirmOrder": "order_confirmed",
    "ShipOrder": "order_shipped",
    "DeliverOrder": "order_delivered",
    "CancelOrder": "order_cancelled",
    "ReturnOrder": "order_returned",
}


class Fact(NamedTuple):
    """A fact: its command, the state after it, and its receipt."""

    request: Request
    state: State
    receipt: Receipt

    @property
    def offset(self) -> int:
        return self.receipt.position.offset


class ModelLog:
    """The facts in the order of the log, and the times that answers have shown, by offset.

    The log has one partition, and nobody else writes to it.
    """

    def __init__(self, customer: str, end: int) -> None:
        self.customer, self.end = customer, end
        self.facts: list[Fact] = []
        self.times: dict[int, Timestamp] = {}

    @property
    def tokens(self) -> list[str]:
        """The tokens with which a question includes all facts."""
        return [fact.receipt.consistency_token for fact in self.facts[-1:]]

    def present(self, order_id: str) -> State | None:
        """Return the state of an order now."""
        return self.as_of_offset(order_id, self.end)

    def as_of_offset(self, order_id: str, end: int) -> State | None:
        """Return the state of an order after its last fact before an offset."""
        states = [fact.state for fact in self.facts_of(order_id) if fact.offset < end]
        return states[-1] if states else None

    def as_of_time(self, order_id: str, nanoseconds: int) -> State | None:
        """Return the state of an order after its last fact recorded at or before a time."""
        facts = self.facts_of(order_id)
        states = [fact.state for fact in facts if self.times[fact.offset].ToNanoseconds() <= nanoseconds]
        return states[-1] if states else None

    def facts_of(self, order_id: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.state.order_id == order_id]

    def answer(self, request: Request) -> Fact | State | str:
        """Return the right answer: the fact of an earlier attempt, the new state, or the reason of the refusal."""
        for fact in self.facts_of(request.order_id):
            if fact.request.request_id == request.request_id:
                return fact if _strip(fact.request) == _strip(request) else "REQUEST_ID_REUSED"
        return decide(self.present(request.order_id), request)

    def add(self, fact: Fact) -> None:
        """Add a fact to the end of the log."""
        assert fact.offset == self.end
        self.facts.append(fact)
        self.end += 1

    def describe_events(self) -> Iterator[tuple[Any, ...]]:
        """Yield what the event of each fact must show."""
        heads = dict[str, bytes]()
        for request, state, receipt in self.facts:
            kind = EVENTS[type(request).__name__.removesuffix("Request")]
            previous = heads.get(state.order_id, b"")
            heads[state.order_id] = receipt.digest
            yield (
                receipt.position.offset,
                state.order_id,
                state.version,
                request.request_id,
                receipt.digest,
                previous,
                kind,
            )


def _strip(request: Request) -> Request:
    """Return the command without what may differ in a retry."""
    command: Request = type(request)()
    command.MergeFrom(request)  # type: ignore[arg-type]  # of the same type
    command.ClearField("expected_version")
    command.ClearField("validate_only")
    return command
