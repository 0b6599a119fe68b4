"""All requests and answers of a run: the evidence that is compared with the topic."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from time import monotonic

from tests.chaos.linearizability import Call
from tests.chaos.submission_evidence import Submission, SubmissionEvidence
from tests.kafka.checker import Request as RequestKey

from ordertrail.commands import Request
from ordertrail.errors import InvalidRequest, OrderTrailError, ServerFault, Unavailable, from_status
from ordertrail.v1 import submitted_commands_pb2 as messages
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
        self.submitted = SubmissionEvidence()
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
        self._keep(receipt)

    def _keep(self, receipt: Receipt) -> None:
        without_event = Receipt()
        without_event.CopyFrom(receipt)
        without_event.ClearField("event")
        self.receipts.append(without_event)
        self.tokens[receipt.order_id] = receipt.consistency_token

    def record_error(self, request: Request, server: str, called: float, error: OrderTrailError) -> bool:
        """Record the error that a call raised. Returns whether it is a refusal, which answers the call."""
        self._note_unexpected(request.request_id, server, error)
        if isinstance(error, (Unavailable, ServerFault)):
            doubt = f"after {monotonic() - called:.3f} s {error.code.name}: {error}"
            self._record(Call(request, server, called, doubt=doubt), "unknown")
            return False
        self._record(Call(request, server, called, monotonic(), read_refusal(error, request.order_id)), "refused")
        return True

    def _note_unexpected(self, subject: str, server: str, error: OrderTrailError) -> None:
        if isinstance(error, (InvalidRequest, ServerFault)) or error.reason == PARKED:
            answer = f"{error.code.name} {error.reason}: {error}"
            self.unexpected_answers.append(f"{server} answered {subject} with {answer}")

    # Submitted commands

    def record_acknowledgement(self, submission: Submission, server: str) -> None:
        """Record that a server acknowledged a submission."""
        submission.acknowledged, submission.server = monotonic(), server
        self.submitted.record_attempt(submission)
        self.counts["submitted"] += 1

    def record_submission_error(
        self, submission: Submission, server: str, called: float, error: OrderTrailError
    ) -> bool:
        """Record the error of an attempt to submit a command. Returns whether it is a refusal, so nothing is stored."""
        if not isinstance(error, (Unavailable, ServerFault)):
            return self.record_error(submission.request, server, called, error)
        self._note_unexpected(submission.request.request_id, server, error)
        submission.is_uncertain, submission.server = True, server
        self.submitted.record_attempt(submission)
        self.counts["submissions in doubt"] += 1
        return False

    def record_query_error(self, query: str, server: str, error: OrderTrailError) -> None:
        """Record the error of a query for a submitted command, which must be temporary."""
        if not isinstance(error, Unavailable):
            self.unexpected_answers.append(f"{server} answered {query} with {error.code.name} {error.reason}: {error}")

    def record_state(self, command: messages.SubmittedCommand, server: str) -> bool:
        """Record the state of a command that a server showed. Returns whether it has an outcome."""
        if command.state == messages.COMMAND_STATE_STOPPED:
            self.unexpected_answers.append(f"{server} stopped {command.request_id}: {command.stop_reason}")
        is_accepted = command.HasField("receipt")
        if not is_accepted and not command.HasField("refusal"):
            return False
        refusal = read_refusal(from_status(command.refusal), command.order_id) if not is_accepted else None
        if self.submitted.record_outcome(command, refusal or command.receipt, server):
            self.counts["accepted later" if is_accepted else "refused later"] += 1
            if is_accepted:
                self._keep(command.receipt)
        return True

    def calls_on(self, order_id: str) -> list[Call]:
        """Return all calls and submitted commands on an order."""
        return [*self.calls.get(order_id, []), *(command.as_call() for command in self.submitted.on(order_id))]

    def _record(self, call: Call, kind: str) -> None:
        self.calls[call.request.order_id].append(call)
        self.counts[kind] += 1

    def lines(self) -> Iterator[str]:
        """Yield every call of the round as a line of text, by order and time."""
        for order_id in self.order_ids:
            yield from (str(call) for call in sorted(self.calls_on(order_id), key=lambda call: call.called))

    @property
    def order_ids(self) -> list[str]:
        """The orders of the round."""
        return sorted({*self.calls, *(order_id for order_id, _ in self.submitted.submissions)})


def read_refusal(error: OrderTrailError, order_id: str) -> Refusal:
    """Return the refusal of a command that a caller got as an error."""
    reason = ErrorReason.Value(f"ERROR_REASON_{error.reason}")
    facts = {name: value for name, value in error.metadata.items() if name != "action"}
    return Refusal(reason, error.message, order_id, facts=facts)
