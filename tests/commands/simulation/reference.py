"""The past of a log, told slowly and independently of the code it checks, from the words of the chain rule."""

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


class PastFact(NamedTuple):
    offset: int
    version: int
    digest: bytes
    actor: str
    request_id: str
    command_digest: bytes
    event: HistoryEvent


class Past:
    """All facts of a log, by order, and the offsets of its records that are none, by kind."""

    def __init__(self, records: list[Logged]) -> None:
        self.facts: dict[str, list[PastFact]] = {}
        self.void: list[int] = []
        self.foreign: list[int] = []
        self.broken: dict[str, list[int]] = {}
        for logged in records:
            self._take(logged)

    def _take(self, logged: Logged) -> None:
        if (logged.key, logged.value) == BARRIER:
            return
        reading = read(logged.value)
        if reading is None or reading.event.order_id != logged.key:
            self.foreign.append(logged.offset)
            return
        record = Record.FromString(logged.value)
        facts = self.facts.setdefault(record.order_id, [])
        # (version, digest) of all that could be a predecessor, the newest last; first stands what comes before all.
        possible = [(0, b""), *((fact.version, fact.digest) for fact in facts)]
        named = (record.order_version - 1, record.previous)
        if named == possible[-1]:
            cause = record.cause
            fact = (link(logged.value), record.actor, cause.request_id, cause.command_digest, reading.event)
            facts.append(PastFact(logged.offset, record.order_version, *fact))
        elif named in possible:
            self.void.append(logged.offset)
        else:
            self.broken.setdefault(record.order_id, []).append(logged.offset)

    # As of an end of the log

    def facts_before(self, order_id: str, end: int) -> list[PastFact]:
        return [fact for fact in self.facts.get(order_id, []) if fact.offset < end]

    def parked(self, order_id: str, end: int) -> bool:
        return any(offset < end for offset in self.broken.get(order_id, []))

    def state(self, order_id: str, end: int) -> Order | None:
        """Return the order before `end`; a parked one stays as it was before the damage."""
        usable = self.facts_before(order_id, min([end, *self.broken.get(order_id, [])]))
        order = None
        for fact in usable:
            order = evolve(order, fact.event)
        return order

    def right_answer(self, attempt: Attempt, end: int) -> "PastFact | Event | Refusal":
        """Return what an attempt ought to be told if the log ended at `end`: its receipt first of all.

        Refusals in the writer's own words are without their message here.
        """
        facts = self.facts_before(attempt.order_id, end)
        for fact in facts:
            if fact.request_id == attempt.request_id:
                reused = Refusal(reasons.ERROR_REASON_REQUEST_ID_REUSED, "", attempt.order_id)
                return fact if fact.command_digest == attempt.digest else reused
        if self.parked(attempt.order_id, end):
            told = {"version": str(len(facts))}
            return Refusal(reasons.ERROR_REASON_ORDER_PARKED, "", attempt.order_id, facts=told)
        concerned = bool(facts) or isinstance(attempt.command, PlaceOrderRequest)
        if concerned and attempt.expected_version not in (None, len(facts)):
            told = {"expected": str(attempt.expected_version), "actual": str(len(facts))}
            return Refusal(reasons.ERROR_REASON_VERSION_MISMATCH, "", attempt.order_id, facts=told)
        return decide(self.state(attempt.order_id, end), attempt.command)
