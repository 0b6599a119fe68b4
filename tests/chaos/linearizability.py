"""Check that the calls on one order are linearizable: one order in time explains every answer.

An order is a register that a log of links writes: facts, and the refusals of submitted commands. Each call takes effect
at one moment between its start and its answer. A submitted command is a call that begins with its submission, and is
answered when its outcome is seen. A call without an answer takes effect once after its start, or never. The log has the
request of each link, so the check has nothing to guess: between two links it removes every answer as soon as that is
right, which prevents no other. Therefore the check is complete and cheap.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from google.protobuf.json_format import MessageToDict
from tests.chaos.model_order import ModelOrder

from ordertrail.commands import Request
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.orders.refusal import Refusal


class NotLinearizable(AssertionError):
    """No order in time explains the answers; the message names the answer and the state of the order."""


class WrittenLink(NamedTuple):
    """A link of the order: its request id, its digest, and its refusal unless it is a fact."""

    request_id: str
    digest: bytes
    refusal: Refusal | None = None


class Call(NamedTuple):
    """One call of one caller. Times are in seconds of one clock.

    `answer` is None if the outcome is unknown. Then `answered` is infinity, and `doubt` describes the error that the
    caller got. A refusal's `facts` are the metadata of its status, without the advice. `is_submitted` is true for a
    submitted command, whose answer is a recorded outcome.
    """

    request: Request
    server: str
    called: float
    answered: float = inf
    answer: Receipt | Refusal | None = None
    doubt: str = ""
    is_submitted: bool = False

    def __str__(self) -> str:
        command = {"verb": type(self.request).__name__, **MessageToDict(self.request)}
        kind = "submitted " if self.is_submitted else ""
        return f"[{self.called:.4f}, {self.answered:.4f}] {self.server}: {kind}{command} -> {self._describe_answer()}"

    def _describe_answer(self) -> str:
        answer = self.answer
        if isinstance(answer, Receipt):
            position = f"{answer.position.partition}/{answer.position.offset}"
            replayed = "replayed " if answer.replayed else ""
            return f"{replayed}version {answer.order_version}, digest {answer.digest.hex()}, at {position}"
        return f"{ErrorReason.Name(answer.reason)} {answer.message} {dict(answer.facts)}" if answer else self.doubt


def check_calls(calls: Iterable[Call], links: Sequence[WrittenLink]) -> None:
    """Raise NotLinearizable unless the calls on one order fit all of its links."""
    _Search(calls, links).run()


class _Search:
    def __init__(self, calls: Iterable[Call], links: Sequence[WrittenLink]) -> None:
        by_time = sorted(calls, key=lambda call: call.called)
        self._waiting = [call for call in by_time if call.answer is not None]
        self._unanswered = [call for call in by_time if call.answer is None]
        self._links = links
        self._order = ModelOrder()

    def run(self) -> None:
        self._remove_right_answers()
        for link in self._links:
            if link.refusal is None:
                self._apply_fact(link.request_id, link.digest)
            else:
                self._apply_refusal(link.request_id, link.refusal)
            self._remove_right_answers()
        if self._waiting:
            call = self._find_first_answered()
            raise NotLinearizable(f"never right, to the end at version {self._order.version}:\n{call}")

    def _remove_right_answers(self) -> None:
        while right := [call for call in self._select_startable(self._waiting) if self._is_right(call)]:
            self._waiting = [call for call in self._waiting if call not in right]

    def _select_startable(self, calls: list[Call]) -> list[Call]:
        """Return the calls that began before the first waiting call was answered."""
        until = min((call.answered for call in self._waiting), default=inf)
        return [call for call in calls if call.called <= until]

    def _is_right(self, call: Call) -> bool:
        order, answer = self._order, call.answer
        expected = order.outcome(call.request) if call.is_submitted else order.answer(call.request)
        if isinstance(answer, Receipt):
            # A receipt that is no replay belongs to the call that wrote the fact; `_apply_fact` removes it.
            return answer.replayed and expected == (answer.order_version, answer.digest)
        assert answer is not None
        return isinstance(expected, Refusal) and _content_of(expected) == _content_of(answer)

    def _apply_refusal(self, request_id: str, refusal: Refusal) -> None:
        link = f"a refusal on version {self._order.version} is of request {request_id}"
        # An answer stays, because it is right from now on; a submission without an answer may also have been repeated.
        candidates = [
            call
            for call in (*self._unanswered, *self._waiting)
            if call.is_submitted and call.request.request_id == request_id and not isinstance(call.answer, Receipt)
        ]
        submissions = self._select_startable(candidates)
        if not submissions:
            raise NotLinearizable(self._describe_missing_writer(link, candidates))
        request = submissions[0].request
        if self._order.outcome(request):
            raise NotLinearizable(f"{link}, which has an outcome: {self._order.outcome(request)}")
        expected = self._order.answer(request)
        if not isinstance(expected, Refusal) or _content_of(expected) != _content_of(refusal):
            raise NotLinearizable(f"{link}: {refusal}, but the rules give {expected}\n{submissions[0]}")
        self._order.refuse(request, refusal)

    def _apply_fact(self, request_id: str, digest: bytes) -> None:
        version = self._order.version + 1
        writer = self._find_writer(request_id, version)
        event = self._order.write(writer.request, digest)
        if event is None:
            raise NotLinearizable(f"version {version} was not allowed: {self._order}\n{writer}")
        if isinstance(writer.answer, Receipt):
            self._waiting.remove(writer)
            if not _matches_fact(writer.answer, version, digest, event):
                raise NotLinearizable(f"the receipt is not of version {version}, {digest.hex()}, {event}\n{writer}")
        else:
            self._unanswered.remove(writer)

    def _find_writer(self, request_id: str, version: int) -> Call:
        """Return the call that wrote the next fact: the one with the first receipt, or else one that may have."""
        acknowledged = [call for call in self._waiting if _is_acknowledged(call, request_id)]
        first = [call for call in acknowledged if isinstance(call.answer, Receipt) and not call.answer.replayed]
        unanswered = [call for call in self._unanswered if call.request.request_id == request_id]
        writers = self._select_startable(first or [*unanswered, *acknowledged])
        if not writers:
            link = f"version {version} is of request {request_id}"
            raise NotLinearizable(self._describe_missing_writer(link, [*first, *unanswered, *acknowledged]))
        return writers[0]

    def _describe_missing_writer(self, link: str, later: list[Call]) -> str:
        if not later:
            return f"{link}: no call sent it, or each call got another answer"
        call = self._find_first_answered()
        return f"{link}:\n{later[0]}\nThis must be answered before, and is right on no version before:\n{call}"

    def _find_first_answered(self) -> Call:
        return min(self._waiting, key=lambda call: call.answered)


def _is_acknowledged(call: Call, request_id: str) -> bool:
    return isinstance(call.answer, Receipt) and call.request.request_id == request_id


def _content_of(refusal: Refusal) -> tuple[int, str, dict[str, str]]:
    return refusal.reason, refusal.message, dict(refusal.facts)


def _matches_fact(receipt: Receipt, version: int, digest: bytes, event: HistoryEvent) -> bool:
    if (receipt.order_version, receipt.digest) != (version, digest):
        return False
    kind = event.WhichOneof("event") or ""
    return not receipt.HasField("event") or getattr(receipt.event, kind) == getattr(event, kind)
