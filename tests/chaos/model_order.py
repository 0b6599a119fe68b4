"""The model of one order: the answer that the rules give to a request, and the state that a fact leads to."""

from typing import Any

from ordertrail.commands import Request
from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.decide import Event, decide
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.orders.refusal import Refusal

_KINDS = HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields
_CASES = {type(getattr(HistoryEvent(), kind.name)): kind.name for kind in _KINDS}


class ModelOrder:
    """The state of an order after the links so far, and the recorded outcome of each of its requests."""

    def __init__(self) -> None:
        self.version = 0
        self._order: Order | None = None
        self._outcomes: dict[str, tuple[int, bytes] | Refusal] = {}

    def __str__(self) -> str:
        return f"version {self.version}, {self._order}"

    def outcome(self, request: Request) -> tuple[int, bytes] | Refusal | None:
        """Return the recorded outcome of a request: its receipt as (version, digest), or its recorded refusal."""
        return self._outcomes.get(request.request_id)

    def answer(self, request: Request) -> tuple[int, bytes] | Event | Refusal:
        """Return the right answer to a request now: its receipt as (version, digest), its event or its refusal."""
        return self.outcome(request) or self._mismatch(request) or decide(self._order, request)

    def write(self, request: Request, digest: bytes) -> HistoryEvent | None:
        """Apply the fact of a request. Returns None, and changes nothing, if the rules allow no fact."""
        event = self.answer(request)
        if isinstance(event, (tuple, Refusal)):
            return None
        case: dict[str, Any] = {_CASES[type(event)]: event}
        history_event = HistoryEvent(order_id=request.order_id, order_version=self.version + 1, **case)
        self._order, self.version = evolve(self._order, history_event), self.version + 1
        self._outcomes[request.request_id] = (self.version, digest)
        return history_event

    def refuse(self, request: Request, refusal: Refusal) -> None:
        """Record the refusal of a submitted command."""
        self._outcomes[request.request_id] = refusal

    def _mismatch(self, request: Request) -> Refusal | None:
        if not request.HasField("expected_version") or request.expected_version == self.version:
            return None
        if self._order is None and not isinstance(request, PlaceOrderRequest):
            return None
        facts = {"expected": str(request.expected_version), "actual": str(self.version)}
        message = f"Order {request.order_id} has version {self.version}, not {request.expected_version} as expected."
        return Refusal(reasons.ERROR_REASON_VERSION_MISMATCH, message, request.order_id, facts=facts)
