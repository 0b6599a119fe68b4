"""The findings of an audit as messages of the contract."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail.v1.position_pb2 import Position
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Log
from ordertrail_server.log.position import LogPosition
from ordertrail_server.projections.audit.audited_table import AuditedTable
from ordertrail_server.projections.audit.row_difference import RowDifference
from ordertrail_server.projections.audit.row_text import describe_column, describe_columns, unpack_order_id
from ordertrail_server.projections.audit.stored_message import describe_message
from ordertrail_server.projections.row_order import Row
from ordertrail_server.storage.connection import Connection

SAMPLES = 1_000
"""How many findings of one table, or of the records of a log, are sent."""
WRONG_RECORDS = "SELECT position, verdict, order_id, detail FROM not_links WHERE verdict IN (?, ?) ORDER BY position"

_KINDS = {
    "broken": messages.AUDIT_FINDING_KIND_RECORD_BROKEN,
    "foreign": messages.AUDIT_FINDING_KIND_RECORD_FOREIGN,
}


class LogName(NamedTuple):
    """What a position needs of its log."""

    topic: str
    partitions: int


def row_finding(projection: str, table: AuditedTable, difference: RowDifference, log: LogName) -> messages.AuditFinding:
    """Return the finding of a row that differs."""
    expected, stored = difference
    row = expected or stored or ()
    key_length = table.key_length
    finding = messages.AuditFinding(
        kind=_kind_of(difference),
        projection=projection,
        table=table.name,
        key=describe_columns(table.columns[:key_length], row[:key_length]),
    )
    names = table.columns
    if expected is not None and stored is not None:
        names = table.columns[key_length:] or table.columns
    if expected is not None:
        finding.expected = _describe_side(projection, names, expected, stored)
    if stored is not None:
        finding.stored = _describe_side(projection, names, stored, expected)
    _locate(finding, dict(zip(table.columns, row, strict=True)), log)
    return finding


def record_findings(orders: Connection, log: Log) -> Iterator[messages.AuditFinding]:
    """Yield the findings of records that do not fit their chains, and of foreign ones on a log with one writer."""
    is_own = log.capabilities.atomic_append  # everybody can append to a topic, so foreign messages are expected there
    for packed, verdict, order_id, detail in orders.execute(WRONG_RECORDS, ("broken", "foreign" if is_own else "")):
        finding = messages.AuditFinding(kind=_KINDS[verdict], order_id=order_id or "", detail=detail)
        finding.position.CopyFrom(_position(log.topic, packed))
        yield finding


def _kind_of(difference: RowDifference) -> messages.AuditFindingKind.ValueType:
    if difference.stored is None:
        return messages.AUDIT_FINDING_KIND_ROW_MISSING
    return (
        messages.AUDIT_FINDING_KIND_ROW_ADDED
        if difference.expected is None
        else messages.AUDIT_FINDING_KIND_ROW_CHANGED
    )


def _locate(finding: messages.AuditFinding, values: dict[str, object], log: LogName) -> None:
    """Set the order and the record of a row, as far as its columns tell."""
    order_id = unpack_order_id(values.get("order_key", values.get("order_id")))
    finding.order_id = order_id
    position, offset, partition = values.get("position"), values.get("offset"), values.get("partition")
    with suppress(ValueError):  # a changed row may have a number that no position can have
        if isinstance(position, int) and position >= 0:
            finding.position.CopyFrom(_position(log.topic, position))
        elif isinstance(offset, int) and order_id:
            own_partition = partition_of(order_id, log.partitions)
            finding.position.CopyFrom(Position(topic=log.topic, partition=own_partition, offset=offset))
        elif isinstance(partition, int):
            finding.position.CopyFrom(Position(topic=log.topic, partition=partition))


def _position(topic: str, packed: int) -> Position:
    partition, offset = LogPosition.unpack(packed)
    return Position(topic=topic, partition=partition, offset=offset)


def _describe_side(projection: str, names: tuple[str, ...], row: Row, compared_row: Row | None) -> str:
    """Describe the last columns of a row, as many as there are names; with another row, those that differ from it."""
    values = row[-len(names) :]
    if compared_row is None:
        return describe_columns(names, values)
    triples = zip(names, values, compared_row[-len(names) :], strict=True)
    return ", ".join(
        describe_column(name, value, describe_message(projection, name, value, compared_value))
        for name, value, compared_value in triples
        if value != compared_value
    )
