"""A slow reference implementation of the fold, written from the text of the chain rule, independent of the real one."""

from hashlib import sha256
from typing import NamedTuple

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.log.port import BARRIER, Logged
from ordertrail_server.orders.decide import Event, decide
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.reading import read


def link(value: bytes) -> bytes:
    return sha256(value).digest()[:16]


class ReferenceFact(NamedTuple):
    offset: int
    version: int
    digest: bytes
    actor: str
    request_id: str
    command_digest: bytes
    event: HistoryEvent


class ReferenceFold:
    """The facts of a log, by order, and the offsets of its other records, by verdict."""

    def __init__(self, records: list[Logged]) -> None:
        self.facts: dict[str, list[ReferenceFact]] = {}
        self.void: list[int] = []
        self.foreign: list[int] = []
        self.broken: dict[str, list[int]] = {}
        for logged in records:
            self._judge(logged)

    def _judge(self, logged: Logged) -> None:
        if (logged.key, logged.value) == BARRIER:
            return
        reading = read(logged.value)
        if reading is None or reading.event.order_id != logged.key:
            self.foreign.append(logged.offset)
            return
        record = Record.FromString(logged.value)
        facts = self.facts.setdefault(record.order_id, [])
        # (version, digest) of every possible predecessor, the newest last. The first fact has the predecessor (0, b"").
        predecessors = [(0, b""), *((fact.version, fact.digest) for fact in facts)]
        predecessor = (record.order_version - 1, record.previous)
        if predecessor == predecessors[-1]:
            cause = record.cause
            fact = (link(logged.value), record.actor, cause.request_id, cause.command_digest, reading.event)
            facts.append(ReferenceFact(logged.offset, record.order_version, *fact))
        elif predecessor in predecessors:
            self.void.append(logged.offset)
        else:
            self.broken.setdefault(record.order_id, []).append(logged.offset)

    # As if the log ended at an offset

    def facts_before(self, order_id: str, end: int) -> list[ReferenceFact]:
        return [fact for fact in self.facts.get(order_id, []) if fact.offset < end]

    def is_parked(self, order_id: str, end: int) -> bool:
        return any(offset < end for offset in self.broken.get(order_id, []))

    def state(self, order_id: str, end: int) -> Order | None:
        """Return the order before `end`; a parked order keeps the state before the damage."""
        foldable = self.facts_before(order_id, min([end, *self.broken.get(order_id, [])]))
        order = None
        for fact in foldable:
            order = evolve(order, fact.event)
        return order

    def expected_answer(self, attempt: Attempt, end: int) -> "ReferenceFact | Event | Refusal":
        """Return the correct outcome of an attempt if the log ended at `end`. A receipt comes before any refusal.

        Refusals that the writer words itself have no message here.
        """
        facts = self.facts_before(attempt.order_id, end)
        for fact in facts:
            if fact.request_id == attempt.request_id:
                reused = Refusal(reasons.ERROR_REASON_REQUEST_ID_REUSED, "", attempt.order_id)
                return fact if fact.command_digest == attempt.digest else reused
        if self.is_parked(attempt.order_id, end):
            details = {"version": str(len(facts))}
            return Refusal(reasons.ERROR_REASON_ORDER_PARKED, "", attempt.order_id, facts=details)
        has_version = bool(facts) or isinstance(attempt.command, PlaceOrderRequest)
        if has_version and attempt.expected_version not in (None, len(facts)):
            details = {"expected": str(attempt.expected_version), "actual": str(len(facts))}
            return Refusal(reasons.ERROR_REASON_VERSION_MISMATCH, "", attempt.order_id, facts=details)
        return decide(self.state(attempt.order_id, end), attempt.command)
