"""ListParkedOrders and GetParkedOrder: parked orders, since when, why, and their waiting facts."""

from collections.abc import Sequence

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_NOT_PARKED
from ordertrail.v1.position_pb2 import Position
from ordertrail.v1.projection_service_pb2 import (
    GetParkedOrderResponse,
    ListParkedOrdersRequest,
    ListParkedOrdersResponse,
    ParkedOrder,
    WaitingEvent,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.pages import next_page_token, page_size, read_page_start
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.scope_condition import scope_condition, scope_values
from ordertrail_server.history.tokens import token_of
from ordertrail_server.log.position import OFFSETS, LogPosition
from ordertrail_server.log.token import PageKey
from ordertrail_server.orders.order_refusal import order_not_found
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import moment
from ordertrail_server.storage.packed_id import pack_sql
from ordertrail_server.storage.row_limit import LAST_LIMIT, NAMED_LIMIT

MAX_WAITING = 1_000
"""The most waiting facts that an answer holds."""

MAX_REASON = 1_000
"""The most characters of a reason, because an error may quote a whole record and a page holds many."""

_PARKED = f"""SELECT p.order_id, p.position, p.record_time, o.parked, o.version,
(SELECT count(*) FROM ordertrail_waiting w WHERE w.order_id = p.order_id)
FROM parked_orders p CROSS JOIN orders o ON o.order_key = {pack_sql("p.order_id")}"""
_PAGE = (
    f"{_PARKED} WHERE {{scope}} AND (p.record_time, p.order_id) > (:record_time, :order_id)"
    f" ORDER BY p.record_time, p.order_id {NAMED_LIMIT}"
)
_ONE = f"{_PARKED} WHERE p.order_id = ?"
_CUSTOMER = f"SELECT customer_id FROM orders WHERE order_key = {pack_sql('?1')} AND version > 0"
_WAITING_FACTS = f"""SELECT w.position, w.reason, l.digest FROM ordertrail_waiting w
JOIN orders o ON o.order_key = {pack_sql("w.order_id")}
JOIN links l ON l.order_no = o.order_no AND l.version > ? AND l."offset" = w.position & {OFFSETS - 1}
WHERE w.order_id = ? ORDER BY w.position {LAST_LIMIT}"""
_EARLIEST = -(1 << 63)

Row = tuple[str, int, int, str, int, int]


def list_parked(model: ReadModel, request: ListParkedOrdersRequest, scope: Scope, connection: Connection) -> bytes:
    """Return a serialized ListParkedOrdersResponse. Raises Refused for a bad page token."""
    start, max_rows = read_page_start(request, model.lineage), page_size(request)
    record_time, last_id = (start.last_number, start.last_text) if start else (_EARLIEST, "")
    values = {"record_time": record_time, "order_id": last_id, "limit": max_rows + 1, **scope_values(scope)}
    statement = _PAGE.format(scope=scope_condition(scope, "o.customer_id"))
    rows: Sequence[Row] = connection.execute(statement, values).fetchall()
    page = rows[:max_rows]
    answer = ListParkedOrdersResponse(orders=[_parked_order(model, row) for row in page])
    if len(rows) > max_rows:
        order_id, _, record_time, *_ = page[-1]
        token = token_of(model.log_id, model.positions(connection))
        key = PageKey(record_time, order_id, consistency_token=token)
        answer.next_page_token = next_page_token(request, model.log_id, key)
    return answer.SerializeToString()


def parked_order(model: ReadModel, order_id: str, scope: Scope, connection: Connection) -> ParkedOrder | None:
    """Return a parked order; None if it is not parked. Raises Refused if there is no such order in the scope."""
    customer = connection.execute(_CUSTOMER, (order_id,)).fetchone()
    row = connection.execute(_ONE, (order_id,)).fetchone()
    if (customer is None and row is None) or not scope.includes((customer and customer[0]) or ""):
        raise Refused(order_not_found(order_id))
    return None if row is None else _parked_order(model, row)


def get_parked(model: ReadModel, order_id: str, scope: Scope, connection: Connection) -> bytes:
    """Return a serialized GetParkedOrderResponse. Raises Refused if the order does not exist or is not parked."""
    order = parked_order(model, order_id, scope, connection)
    if order is None:
        raise not_parked(order_id)
    rows = connection.execute(_WAITING_FACTS, (order.version, order_id, MAX_WAITING)).fetchall()
    # Waiting facts follow the folded ones without a gap.
    waiting_events = [
        WaitingEvent(
            position=_position_of(model, position),
            order_version=version,
            reason=_truncate(reason),
            digest=digest,
        )
        for version, (position, reason, digest) in enumerate(rows, order.version + 1)
    ]
    return GetParkedOrderResponse(order=order, waiting=waiting_events).SerializeToString()


def not_parked(order_id: str) -> Refused:
    """Return the refusal of a request that is for parked orders only."""
    message = f"Order {order_id} is not parked."
    return Refused(Refusal(ERROR_REASON_ORDER_NOT_PARKED, message, order_id=order_id))


def _parked_order(model: ReadModel, row: Row) -> ParkedOrder:
    order_id, position, record_time, reason, version, waiting_count = row
    return ParkedOrder(
        order_id=order_id,
        reason=_truncate(reason),
        version=version - waiting_count,
        waiting_count=waiting_count,
        position=_position_of(model, position),
        record_time=moment(record_time),
    )


def _truncate(reason: str) -> str:
    return reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]} …"


def _position_of(model: ReadModel, position: int) -> Position:
    partition, offset = LogPosition.unpack(position)
    return Position(topic=model.topic, partition=partition, offset=offset)
