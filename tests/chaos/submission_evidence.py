"""What callers saw of submitted commands: acknowledgements and outcomes. An outcome that was shown never changes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

from tests.chaos.linearizability import Call, WrittenLink

from ordertrail.commands import Request
from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.orders.refusal import Refusal


@dataclass
class Submission:
    """One submitted command of a caller. Times are in seconds of one clock.

    `place` is the number of the request that submits it, and its place there. `is_shared` is true if a unary call has
    the same request id. `is_uncertain` is true if an attempt to submit it had no answer.
    """

    request: Request
    caller: str
    place: tuple[int, int]
    called: float
    is_shared: bool
    is_uncertain: bool = False
    server: str = ""
    acknowledged: float = inf
    answered: float = inf
    answer: Receipt | Refusal | None = None

    def as_call(self) -> Call:
        """Return the command as a call that ends when its outcome is seen."""
        doubt = "" if self.answer else f"acknowledged at {self.acknowledged:.4f}, no outcome seen"
        return Call(self.request, self.server, self.called, self.answered, self.answer, doubt, is_submitted=True)


class SubmissionEvidence:
    """The submitted commands of one round."""

    def __init__(self) -> None:
        self.submissions: dict[tuple[str, str], Submission] = {}
        """{(order id, request id): a command that may have been stored}"""

        self.violations: list[str] = []
        self._outcomes: dict[str, bytes] = {}

    def record_attempt(self, submission: Submission) -> None:
        """Record that a command may have been stored, because the answer is unknown or an acknowledgement."""
        self.submissions[submission.request.order_id, submission.request.request_id] = submission

    def record_outcome(self, command: messages.SubmittedCommand, answer: Receipt | Refusal, server: str) -> bool:
        """Record an outcome that a server showed. Returns whether it is the first one that was seen."""
        outcome = command.receipt.digest if isinstance(answer, Receipt) else command.refusal.SerializeToString()
        first, name = self._outcomes.setdefault(command.command_id, outcome), command.request_id
        if first != outcome:
            self.violations.append(f"{server} shows another outcome of {name}: {outcome!r}, not {first!r}")
        submission = self.submissions.get((command.order_id, name))
        if submission is None:
            self.violations.append(f"{server} shows a command that nobody submitted: {name}")
            return False
        if submission.answer is not None:
            return False
        submission.answer, submission.answered, submission.server = answer, monotonic(), server
        return True

    def on(self, order_id: str) -> list[Submission]:
        """Return the submitted commands on an order."""
        return [submission for (key, _), submission in self.submissions.items() if key == order_id]


def find_reordered(submissions: Iterable[Submission], links: Sequence[WrittenLink]) -> Iterator[str]:
    """Yield the commands on one order that were decided before an earlier command of the same caller.

    A command that a unary call sends too may be decided early.
    """
    place_of = {link.request_id: place for place, link in enumerate(links)}
    decided = [submission for submission in submissions if submission.request.request_id in place_of]
    for later in decided:
        for earlier in decided:
            is_early = place_of[later.request.request_id] < place_of[earlier.request.request_id]
            if is_early and not later.is_shared and _precedes(earlier, later):
                yield f"{later.request.request_id} was decided before {earlier.request.request_id} of {later.caller}"


def _precedes(earlier: Submission, later: Submission) -> bool:
    if earlier.caller != later.caller:
        return False
    if earlier.place[0] != later.place[0]:
        return earlier.acknowledged <= later.called
    return earlier.place < later.place and not earlier.is_uncertain
