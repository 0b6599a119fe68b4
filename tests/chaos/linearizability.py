"""Check that the calls on one order are linearizable: one order in time explains every answer.

An order is a register that a log of facts writes. Each call takes effect at one moment between its start and its
answer. A call without an answer takes effect once after its start, or never. The log contains the request of each
version, so the check has nothing to guess: between two facts it removes every answer as soon as that is right, which
prevents no other. Therefore the check is complete and cheap.
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

Written = tuple[str, bytes]
"""The request id and the digest of a fact."""


class NotLinearizable(AssertionError):
    """No order in time explains the answers; the message names the answer and the state of the order."""


class Call(NamedTuple):
    """One call of one caller. Times are in seconds of one clock.

    `answer` is None if the outcome is unknown. Then `answered` is infinity, and `doubt` describes the error that the
    caller got. A refusal's `facts` are the metadata of its status, without the advice.
    """

    request: Request
    server: str
    called: float
    answered: float = inf
    answer: Receipt | Refusal | None = None
    doubt: str = ""

    def __str__(self) -> str:
        command = {"verb": type(self.request).__name__, **MessageToDict(self.request)}
        return f"[{self.called:.4f}, {self.answered:.4f}] {self.server}: {command} -> {self._describe_answer()}"

    def _describe_answer(self) -> str:
        answer = self.answer
        if isinstance(answer, Receipt):
            position = f"{answer.position.partition}/{answer.position.offset}"
            replayed = "replayed " if answer.replayed else ""
            return f"{replayed}version {answer.order_version}, digest {answer.digest.hex()}, at {position}"
        return f"{ErrorReason.Name(answer.reason)} {answer.message} {dict(answer.facts)}" if answer else self.doubt


def check_calls(calls: Iterable[Call], facts: Sequence[Written]) -> None:
    """Raise NotLinearizable unless the calls on one order fit its facts from version 1 on."""
    _Search(calls, facts).run()


class _Search:
    def __init__(self, calls: Iterable[Call], facts: Sequence[Written]) -> None:
        by_time = sorted(calls, key=lambda call: call.called)
        self._waiting = [call for call in by_time if call.answer is not None]
        self._unanswered = [call for call in by_time if call.answer is None]
        self._facts = facts
        self._order = ModelOrder()

    def run(self) -> None:
        self._remove_right_answers()
        for request_id, digest in self._facts:
            self._apply_fact(request_id, digest)
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
        expected, answer = self._order.answer(call.request), call.answer
        if isinstance(answer, Receipt):
            # A receipt that is no replay belongs to the call that wrote the fact; `_apply_fact` removes it.
            return answer.replayed and expected == (answer.order_version, answer.digest)
        assert answer is not None
        return isinstance(expected, Refusal) and _refusal_content(expected) == _refusal_content(answer)

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
            raise NotLinearizable(
                self._describe_missing_writer(request_id, version, [*first, *unanswered, *acknowledged])
            )
        return writers[0]

    def _describe_missing_writer(self, request_id: str, version: int, later: list[Call]) -> str:
        fact = f"version {version} is of request {request_id}"
        if not later:
            return f"{fact}: no call sent it, or each call was refused"
        call = self._find_first_answered()
        return f"{fact}:\n{later[0]}\nThis must be answered before, and is right on no version before:\n{call}"

    def _find_first_answered(self) -> Call:
        return min(self._waiting, key=lambda call: call.answered)


def _is_acknowledged(call: Call, request_id: str) -> bool:
    return isinstance(call.answer, Receipt) and call.request.request_id == request_id


def _refusal_content(refusal: Refusal) -> tuple[int, str, dict[str, str]]:
    return refusal.reason, refusal.message, dict(refusal.facts)


def _matches_fact(receipt: Receipt, version: int, digest: bytes, event: HistoryEvent) -> bool:
    if (receipt.order_version, receipt.digest) != (version, digest):
        return False
    kind = event.WhichOneof("event") or ""
    return not receipt.HasField("event") or getattr(receipt.event, kind) == getattr(event, kind)
