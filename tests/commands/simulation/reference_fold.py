"""A slow reference implementation of the fold, written from the text of the chain rule, independent of the real one."""

from hashlib import sha256
from typing import NamedTuple

from google.rpc.error_details_pb2 import ErrorInfo

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


def digest_of(value: bytes) -> bytes:
    return sha256(value).digest()[:16]


class ReferenceLink(NamedTuple):
    """A fact, or a recorded refusal: then `refusal` is the answer to every call with its request id."""

    offset: int
    version: int
    digest: bytes
    actor: str
    request_id: str
    command_digest: bytes
    event: HistoryEvent
    refusal: Refusal | None

    @property
    def is_refusal(self) -> bool:
        return self.refusal is not None


class ReferenceFold:
    """The links of a log, by order, and the offsets of its other records, by verdict."""

    def __init__(self, records: list[Logged]) -> None:
        self.links: dict[str, list[ReferenceLink]] = {}
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
        links = self.links.setdefault(record.order_id, [])
        # (version, digest) of every possible predecessor, the newest last. The first link has the predecessor (0, b"").
        predecessors = [(0, b""), *((link.version, link.digest) for link in links)]
        version_before = record.order_version if record.HasField("refusal") else record.order_version - 1
        if (version_before, record.previous) == predecessors[-1]:
            links.append(_link_of(logged, record, reading.event))
        elif (version_before, record.previous) in predecessors:
            self.void.append(logged.offset)
        else:
            self.broken.setdefault(record.order_id, []).append(logged.offset)

    @property
    def facts(self) -> dict[str, list[ReferenceLink]]:
        """The facts, by order."""
        return {of: [link for link in links if not link.is_refusal] for of, links in self.links.items()}

    @property
    def refusals(self) -> list[ReferenceLink]:
        """All recorded refusals."""
        return [link for links in self.links.values() for link in links if link.is_refusal]

    # As if the log ended at an offset

    def links_before(self, order_id: str, end: int) -> list[ReferenceLink]:
        return [link for link in self.links.get(order_id, []) if link.offset < end]

    def facts_before(self, order_id: str, end: int) -> list[ReferenceLink]:
        return [link for link in self.links_before(order_id, end) if not link.is_refusal]

    def is_parked(self, order_id: str, end: int) -> bool:
        return any(offset < end for offset in self.broken.get(order_id, []))

    def state(self, order_id: str, end: int) -> Order | None:
        """Return the order before `end`; a parked order keeps the state before the damage."""
        foldable = self.facts_before(order_id, min([end, *self.broken.get(order_id, [])]))
        order = None
        for fact in foldable:
            order = evolve(order, fact.event)
        return order

    def expected_answer(self, attempt: Attempt, end: int) -> "ReferenceLink | Event | Refusal":
        """Return the correct outcome of an attempt if the log ended at `end`. A receipt comes before any refusal.

        Refusals that the writer words itself have no message here.
        """
        for link in self.links_before(attempt.order_id, end):
            if link.request_id == attempt.request_id:
                reused = Refusal(reasons.ERROR_REASON_REQUEST_ID_REUSED, "", attempt.order_id)
                return (link.refusal or link) if link.command_digest == attempt.digest else reused
        version = len(self.facts_before(attempt.order_id, end))
        if self.is_parked(attempt.order_id, end):
            details = {"version": str(version)}
            return Refusal(reasons.ERROR_REASON_ORDER_PARKED, "", attempt.order_id, facts=details)
        has_version = version > 0 or isinstance(attempt.command, PlaceOrderRequest)
        if has_version and attempt.expected_version not in (None, version):
            details = {"expected": str(attempt.expected_version), "actual": str(version)}
            return Refusal(reasons.ERROR_REASON_VERSION_MISMATCH, "", attempt.order_id, facts=details)
        return decide(self.state(attempt.order_id, end), attempt.command)


def _link_of(logged: Logged, record: Record, event: HistoryEvent) -> ReferenceLink:
    cause, refusal = record.cause, _refusal_of(record) if record.HasField("refusal") else None
    link = (record.order_version, digest_of(logged.value), record.actor, cause.request_id, cause.command_digest)
    return ReferenceLink(logged.offset, *link, event, refusal)


def _refusal_of(record: Record) -> Refusal:
    info, status = ErrorInfo(), record.refusal.status
    status.details[0].Unpack(info)
    reason = reasons.ErrorReason.Value(f"ERROR_REASON_{info.reason}")
    return Refusal(reason, status.message, record.order_id, facts=dict(info.metadata))
