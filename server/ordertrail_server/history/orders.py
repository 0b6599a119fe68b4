"""GetOrder and ListOrders: orders as they stand, and one as it stood."""

from json import loads

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_NOT_FOUND
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrdersRequest,
    ListOrdersResponse,
)
from ordertrail_server.history.as_of import state_as_of
from ordertrail_server.history.frames import element
from ordertrail_server.history.joining import joined
from ordertrail_server.history.order_filter import OrderFilter, listed
from ordertrail_server.history.pages import PAGE_BYTES, next_page, page_start, rows_of
from ordertrail_server.history.parked import parked_reason, refuse_parked
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import Offsets, token_of
from ordertrail_server.orders.refusal import Refusal, Refused

Row = tuple[int, str, bytes]

_JOINED = (
    "SELECT json_group_array(created), json_group_array(order_id), json_group_array(length(state)),"
    f" {joined('state')} FROM ({{}})"
)


def get_order(model: ReadModel, request: GetOrderRequest, as_of: Offsets | None, connection: Connection) -> bytes:
    """Return a serialized GetOrderResponse; `as_of` are the offsets of the request's as-of token, if it has one.

    Raises Refused: no such order (then), or a parked one.
    """
    refuse_parked(request.order_id, parked_reason(connection, request.order_id))
    row = connection.execute("SELECT version, state FROM orders WHERE order_id = ?", (request.order_id,)).fetchone()
    if row is None:
        message = f"There is no order {request.order_id}."
        raise Refused(Refusal(ERROR_REASON_ORDER_NOT_FOUND, message, order_id=request.order_id))
    version, state = row
    if request.WhichOneof("as_of"):
        state = state_as_of(connection, request, as_of, version, state)
    rest = GetOrderResponse(consistency_token=token_of(model.log_id, model.positions(connection)))
    return element(state) + rest.SerializeToString()


def list_orders(model: ReadModel, request: ListOrdersRequest, connection: Connection) -> bytes:
    """Return a serialized ListOrdersResponse. Raises Refused: a bad page token, no such day."""
    most = rows_of(request)
    rows = _rows(connection, listed(request, page_start(request, model.log_id)), most + 1)
    page = _cut(rows, most)
    more = len(page) < len(rows)
    rest = ListOrdersResponse(
        next_page_token=next_page(request, model.log_id, *page[-1][:2]) if more else "",
        consistency_token=token_of(model.log_id, model.positions(connection)),
    )
    return b"".join([element(state) for _, _, state in page]) + rest.SerializeToString()


def _rows(connection: Connection, asked: OrderFilter, limit: int) -> list[Row]:
    statement = _JOINED.format(asked.rows(asked.path_of(connection)))
    *columns, states = connection.execute(statement, asked.bound() | {"limit": limit}).fetchone()
    rows, begin = [], 0
    for created, order_id, length in zip(*map(loads, columns), strict=True):
        rows.append((created, order_id, states[begin : begin + length]))
        begin += length
    return rows


def _cut(rows: list[Row], most: int) -> list[Row]:
    """Return the rows of one page: the first, and then as many as it may hold."""
    size = 0
    for count, (_, _, state) in enumerate(rows[:most]):
        size += len(state)
        if count and size > PAGE_BYTES:
            return rows[:count]
    return rows[:most]
