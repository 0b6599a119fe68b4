"""ExplainEvent: one record of the log, its verdict, and how its event is read."""

from functools import partial
from typing import NamedTuple

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_RECORD_NOT_FOUND
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsResponse
from ordertrail.v1.position_pb2 import Position
from ordertrail.v1.projection_service_pb2 import (
    RECORD_VERDICT_BARRIER,
    RECORD_VERDICT_BROKEN,
    RECORD_VERDICT_FACT,
    RECORD_VERDICT_FOREIGN,
    RECORD_VERDICT_REFUSAL,
    RECORD_VERDICT_VOID,
    ExplainEventRequest,
    ExplainEventResponse,
    RecordVerdict,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.freshness import Freshness, refuse_when_late
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.log.port import Log, Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.explanation import explain_reading
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.ready_event import ready_event
from ordertrail_server.storage.packed_id import pack_sql

_VERDICTS = {
    "void": RECORD_VERDICT_VOID,
    "broken": RECORD_VERDICT_BROKEN,
    "foreign": RECORD_VERDICT_FOREIGN,
    "barrier": RECORD_VERDICT_BARRIER,
}
_CUSTOMER = f"SELECT customer_id FROM orders WHERE order_key = {pack_sql('?1')}"


class _StoredVerdict(NamedTuple):
    """What the projections store about a record; `public_event` is the event as clients get it, None unless folded."""

    verdict: RecordVerdict.ValueType
    detail: str = ""
    public_event: HistoryEvent | None = None


async def explain_event(
    log: Log,
    orders: ReadModel,
    history: ReadModel,
    freshness: Freshness,
    request: ExplainEventRequest,
    scope: Scope,
    deadline: float,
) -> bytes:
    """Return a serialized ExplainEventResponse.

    It waits until the projections include the record. `deadline` is the moment, by the event loop's clock, until which
    the call may wait. Raises Refused if there is no such record in the scope or it cannot be read in time,
    LogUnavailable, LogDamaged.
    """
    async with refuse_when_late(deadline, "The log did not return the record in time; try again shortly."):
        logged = await _read_record(log, request.partition, request.offset)
    required = tuple(request.offset + 1 if p == request.partition else 0 for p in range(history.partitions))
    await freshness.wait_until_fresh(required, deadline)
    packed_position = LogPosition(request.partition, request.offset).pack()
    stored_verdict = await orders.read(partial(_read_verdict, packed_position))
    if not scope.is_unbounded:
        customer_id = await orders.read(partial(_customer_of, logged.key))
        # Other records of an order may be commands of other customers, such as one that has lost a race for its id.
        if not _is_fact(logged, stored_verdict) or not scope.includes(customer_id):
            raise _no_record(request.partition, request.offset)
    if stored_verdict.verdict == RECORD_VERDICT_FACT:
        stored_verdict = await history.read(partial(_read_event, packed_position))
    position = Position(topic=log.topic, partition=request.partition, offset=request.offset)
    return _explanation(position, logged, stored_verdict).SerializeToString()


async def _read_record(log: Log, partition: int, offset: int) -> Logged:
    if partition < log.partitions and offset < await log.end(partition):
        for logged in await log.read(partition, offset, 1):
            # A later offset means that this one holds no record, but for example the marker of a transaction.
            if logged.offset == offset:
                return logged
    raise _no_record(partition, offset)


def _no_record(partition: int, offset: int) -> Refused:
    message = f"The log holds no record at partition {partition}, offset {offset}."
    facts = {"partition": str(partition), "offset": str(offset)}
    return Refused(Refusal(ERROR_REASON_RECORD_NOT_FOUND, message, facts=facts))


def _customer_of(order_id: str, connection: Connection) -> str:
    """Return the customer of an order, empty if it is not known."""
    row = connection.execute(_CUSTOMER, (order_id,)).fetchone()
    return (row and row[0]) or ""


def _is_fact(logged: Logged, stored_verdict: _StoredVerdict) -> bool:
    reading = read(logged.value)
    return stored_verdict.verdict == RECORD_VERDICT_FACT and reading is not None and reading.refusal is None


def _read_verdict(position: int, connection: Connection) -> _StoredVerdict:
    row = connection.execute("SELECT verdict, detail FROM not_links WHERE position = ?", (position,)).fetchone()
    return _StoredVerdict(RECORD_VERDICT_FACT) if row is None else _StoredVerdict(_VERDICTS[row[0]], row[1])


def _read_event(position: int, connection: Connection) -> _StoredVerdict:
    row = connection.execute("SELECT frame FROM events WHERE position = ?", (position,)).fetchone()
    public_event = ListOrderEventsResponse.FromString(row[0]).events[0] if row is not None else None
    return _StoredVerdict(RECORD_VERDICT_FACT, "", public_event)


def _explanation(position: Position, logged: Logged, stored_verdict: _StoredVerdict) -> ExplainEventResponse:
    reading, trace = read(logged.value), explain_reading(logged.value)
    answer = ExplainEventResponse(
        position=position,
        key=logged.key,
        value=logged.value,
        digest=logged.digest,
        verdict=stored_verdict.verdict,
        verdict_detail=stored_verdict.detail,
        written_as=trace.written_as,
        written_json=trace.written_json,
        steps=trace.steps,
    )
    if reading is None:
        answer.fault = "its value is not a readable record"
        return answer
    if reading.refusal is not None and stored_verdict.verdict == RECORD_VERDICT_FACT:
        answer.verdict = RECORD_VERDICT_REFUSAL
    answer.fault = reading.fault
    if reading.number:
        answer.written_number = reading.number
    ready = ready_event(reading, logged.value, position.topic, position.partition, position.offset, logged.digest)
    answer.event.CopyFrom(stored_verdict.public_event or HistoryEvent.FromString(ready))
    return answer
