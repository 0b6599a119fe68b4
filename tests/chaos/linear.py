"""Whether the calls on one order, as their callers saw them, have one order in time that explains every answer.

An order is a register that a log of facts writes. Each call took effect at one moment between its beginning and its
answer; a call without an answer took effect once, later than it began, or never. The log says which request led to
each version, so nothing is left to be guessed: between two facts every answer is taken as soon as it is right, which
hinders no other. So the check is complete, and costs next to nothing.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from google.protobuf.json_format import MessageToDict
from tests.chaos.linear_order import ModelOrder

from ordertrail.commands import Request
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.orders.refusal import Refusal

Written = tuple[str, bytes]
"""The request id that led to a fact, and the fact's digest."""


class NotLinearizable(AssertionError):
    """No order in time explains the answers; says which one, and on what state."""


class Call(NamedTuple):
    """One call of one caller. Times are in seconds, of one clock.

    `answer` is None where the outcome is unknown; then `answered` is infinity, and `doubt` says what the caller saw
    instead. A refusal's `facts` are the metadata that it travelled with, without the advice.
    """

    request: Request
    server: str
    called: float
    answered: float = inf
    answer: Receipt | Refusal | None = None
    doubt: str = ""

    def __str__(self) -> str:
        asked = {"verb": type(self.request).__name__, **MessageToDict(self.request)}
        return f"[{self.called:.4f}, {self.answered:.4f}] {self.server}: {asked} -> {self._told()}"

    def _told(self) -> str:
        answer = self.answer
        if isinstance(answer, Receipt):
            place = f"{answer.position.partition}/{answer.position.offset}"
            again = "again " if answer.replayed else ""
            return f"{again}version {answer.order_version}, digest {answer.digest.hex()}, at {place}"
        return f"{ErrorReason.Name(answer.reason)} {answer.message} {dict(answer.facts)}" if answer else self.doubt


def check(calls: Iterable[Call], written: Sequence[Written]) -> None:
    """Raise NotLinearizable unless the calls on one order, and its facts from version 1 on, fit together."""
    _Explaining(calls, written).run()


class _Explaining:
    def __init__(self, calls: Iterable[Call], written: Sequence[Written]) -> None:
        in_time = sorted(calls, key=lambda call: call.called)
        self._waiting = [call for call in in_time if call.answer is not None]
        self._unanswered = [call for call in in_time if call.answer is None]
        self._written = written
        self._order = ModelOrder()

    def run(self) -> None:
        self._take_what_is_right()
        for request_id, digest in self._written:
            self._write(request_id, digest)
            self._take_what_is_right()
        if self._waiting:
            raise NotLinearizable(f"never right, to the end at version {self._order.version}:\n{self._first_to_end()}")

    def _take_what_is_right(self) -> None:
        while taken := [call for call in self._begun(self._waiting) if self._is_right(call)]:
            self._waiting = [call for call in self._waiting if call not in taken]

    def _begun(self, calls: list[Call]) -> list[Call]:
        """Return the calls that no waiting one must precede."""
        until = min((call.answered for call in self._waiting), default=inf)
        return [call for call in calls if call.called <= until]

    def _is_right(self, call: Call) -> bool:
        right, answer = self._order.answer(call.request), call.answer
        if isinstance(answer, Receipt):
            # Whoever is told that it was the first has written; that is for `_write`.
            return answer.replayed and right == (answer.order_version, answer.digest)
        assert answer is not None
        return isinstance(right, Refusal) and _said(right) == _said(answer)

    def _write(self, request_id: str, digest: bytes) -> None:
        version = self._order.version + 1
        writer = self._writer(request_id, version)
        event = self._order.write(writer.request, digest)
        if event is None:
            raise NotLinearizable(f"version {version} was not allowed: {self._order}\n{writer}")
        if isinstance(writer.answer, Receipt):
            self._waiting.remove(writer)
            if not _tells(writer.answer, version, digest, event):
                raise NotLinearizable(f"the receipt is not of version {version}, {digest.hex()}, {event}\n{writer}")
        else:
            self._unanswered.remove(writer)

    def _writer(self, request_id: str, version: int) -> Call:
        """Return the call that led to the next fact: the one that was told so, else one that may have."""
        told = [call for call in self._waiting if _acknowledged(call, request_id)]
        first = [call for call in told if isinstance(call.answer, Receipt) and not call.answer.replayed]
        unanswered = [call for call in self._unanswered if call.request.request_id == request_id]
        found = self._begun(first or [*unanswered, *told])
        if not found:
            raise NotLinearizable(self._no_writer(request_id, version, [*first, *unanswered, *told]))
        return found[0]

    def _no_writer(self, request_id: str, version: int, later: list[Call]) -> str:
        fact = f"version {version} is of request {request_id}"
        if not later:
            return f"{fact}: nobody asked for it, or was left in doubt"
        first = self._first_to_end()
        return f"{fact}:\n{later[0]}\nThis must be answered before, and is right on no version before:\n{first}"

    def _first_to_end(self) -> Call:
        return min(self._waiting, key=lambda call: call.answered)


def _acknowledged(call: Call, request_id: str) -> bool:
    return isinstance(call.answer, Receipt) and call.request.request_id == request_id


def _said(refusal: Refusal) -> tuple[int, str, dict[str, str]]:
    return refusal.reason, refusal.message, dict(refusal.facts)


def _tells(receipt: Receipt, version: int, digest: bytes, event: HistoryEvent) -> bool:
    if (receipt.order_version, receipt.digest) != (version, digest):
        return False
    kind = event.WhichOneof("event") or ""
    return not receipt.HasField("event") or getattr(receipt.event, kind) == getattr(event, kind)
