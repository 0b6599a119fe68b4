"""All requests and answers of a run: the evidence that is compared with the topic."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from time import monotonic

from tests.chaos.linearizability import Call
from tests.kafka.checker import Request as RequestKey

from ordertrail.commands import Request
from ordertrail.errors import InvalidRequest, OrderTrailError, ServerFault, Unavailable
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.orders.refusal import Refusal

PARKED = "ORDER_PARKED"


class Evidence:
    """Receipts and requests of a whole run, and the calls of one round; `begin_round` begins the next."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.requests: set[RequestKey] = set()
        self.begin_round()

    def begin_round(self) -> None:
        """Forget the calls of the round before."""
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self.tokens: dict[str, str] = {}
        self.unexpected_answers: list[str] = []
        self.counts: Counter[str] = Counter()

    def record_command(self, request: Request) -> None:
        """Record a command before it is sent for the first time."""
        self.requests.add((request.order_id, request.request_id))
        self.counts["commands"] += 1

    def record_receipt(self, request: Request, server: str, called: float, receipt: Receipt) -> None:
        """Record the receipt that a call returned."""
        self._record(Call(request, server, called, monotonic(), receipt), "acknowledged")
        without_event = Receipt()
        without_event.CopyFrom(receipt)
        without_event.ClearField("event")
        self.receipts.append(without_event)
        self.tokens[receipt.order_id] = receipt.consistency_token

    def record_error(self, request: Request, server: str, called: float, error: OrderTrailError) -> bool:
        """Record the error that a call raised. Returns whether it is a refusal, which answers the call."""
        if isinstance(error, (InvalidRequest, ServerFault)) or error.reason == PARKED:
            answer = f"{error.code.name} {error.reason}: {error}"
            self.unexpected_answers.append(f"{server} answered {request.request_id} with {answer}")
        if isinstance(error, (Unavailable, ServerFault)):
            doubt = f"after {monotonic() - called:.3f} s {error.code.name}: {error}"
            self._record(Call(request, server, called, doubt=doubt), "unknown")
            return False
        reason = ErrorReason.Value(f"ERROR_REASON_{error.reason}")
        facts = {name: value for name, value in error.metadata.items() if name != "action"}
        refusal = Refusal(reason, error.message, request.order_id, facts=facts)
        self._record(Call(request, server, called, monotonic(), refusal), "refused")
        return True

    def _record(self, call: Call, kind: str) -> None:
        self.calls[call.request.order_id].append(call)
        self.counts[kind] += 1

    def lines(self) -> Iterator[str]:
        """Yield every call of the round as a line of text, by order and time."""
        for calls in self.calls.values():
            yield from (str(call) for call in sorted(calls, key=lambda call: call.called))
