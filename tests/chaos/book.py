"""All that callers asked and were told: the evidence."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from time import monotonic

from tests.chaos.linear import Call
from tests.kafka.checker import Request as Asked

from ordertrail.commands import Request
from ordertrail.errors import InvalidRequest, OrderTrailError, ServerFault, Unavailable
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.orders.refusal import Refusal

PARKED = "ORDER_PARKED"


class Book:
    """Receipts and requests of a whole run, and the calls of one round; `turn` begins the next."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.asked: set[Asked] = set()
        self.turn()

    def turn(self) -> None:
        """Begin a round."""
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self.tokens: dict[str, str] = {}
        self.odd: list[str] = []
        self.counts: Counter[str] = Counter()

    def ask(self, request: Request) -> None:
        """Note a command before it is sent for the first time."""
        self.asked.add((request.order_id, request.request_id))
        self.counts["commands"] += 1

    def acknowledged(self, request: Request, server: str, called: float, receipt: Receipt) -> None:
        """Note a receipt."""
        self._note(Call(request, server, called, monotonic(), receipt), "acknowledged")
        slim = Receipt()
        slim.CopyFrom(receipt)
        slim.ClearField("event")
        self.receipts.append(slim)
        self.tokens[receipt.order_id] = receipt.consistency_token

    def turned_down(self, request: Request, server: str, called: float, error: OrderTrailError) -> bool:
        """Note an error; returns whether it answers the call."""
        if isinstance(error, (InvalidRequest, ServerFault)) or error.reason == PARKED:
            self.odd.append(f"{server} answered {request.request_id} with {error.code.name} {error.reason}: {error}")
        if isinstance(error, (Unavailable, ServerFault)):
            doubt = f"after {monotonic() - called:.3f} s {error.code.name}: {error}"
            self._note(Call(request, server, called, doubt=doubt), "unknown")
            return False
        reason = ErrorReason.Value(f"ERROR_REASON_{error.reason}")
        facts = {name: value for name, value in error.metadata.items() if name != "action"}
        refusal = Refusal(reason, error.message, request.order_id, facts=facts)
        self._note(Call(request, server, called, monotonic(), refusal), "refused")
        return True

    def _note(self, call: Call, kind: str) -> None:
        self.calls[call.request.order_id].append(call)
        self.counts[kind] += 1

    def lines(self) -> Iterator[str]:
        """Yield every call of the round as a line of text, by order and time."""
        for calls in self.calls.values():
            yield from (str(call) for call in sorted(calls, key=lambda call: call.called))
