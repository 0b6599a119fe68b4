"""The order and the record of a row of the projection `timeline`, whose tables name orders by their first records."""

from collections.abc import Iterable

from ordertrail.v1.position_pb2 import Position
from ordertrail.v1.projection_audit_pb2 import AuditFinding
from ordertrail_server.log.position import LogPosition
from ordertrail_server.projections.audit.audited_table import AuditedTable
from ordertrail_server.projections.audit.row_difference import RowDifference
from ordertrail_server.storage.connection import Connection

ORDER_ID = "SELECT order_id FROM placed_orders WHERE order_no = ?"


def locate_in_timeline(
    finding: AuditFinding, table: AuditedTable, difference: RowDifference, topic: str, files: Iterable[Connection]
) -> None:
    """Set the order and the record of a finding. `files` are those in which the order may be."""
    values = dict(zip(table.columns, difference.expected or difference.stored or (), strict=True))
    order_no = values.get("order_no")
    if not isinstance(order_no, int) or order_no < 0:
        return
    for file in files:
        for (order_id,) in file.execute(ORDER_ID, (order_no,)):
            finding.order_id = order_id
    partition, first_offset = LogPosition.unpack(order_no)
    offset = values.get("offset", first_offset)
    finding.position.CopyFrom(Position(topic=topic, partition=partition, offset=offset))
