"""GetOrder and ListOrders: orders as of now, from the projection `orders`."""

from collections.abc import Iterator
from json import dumps, loads
from typing import NamedTuple

from ordertrail.v1.order_history_service_pb2 import (
    GetOrderResponse,
    ListOrdersRequest,
    ListOrdersResponse,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.blob_join import join_blobs_sql
from ordertrail_server.history.order_filter import OrderFilter, choose_path, list_filter
from ordertrail_server.history.pages import PAGE_BYTES, next_page_token, page_size, read_page_start
from ordertrail_server.history.parked_state import refuse_parked
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import Offsets, token_of
from ordertrail_server.log.token import PageKey
from ordertrail_server.orders.order_refusal import order_not_found
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.schema.wire import first_field
from ordertrail_server.storage.packed_id import pack_sql

Row = tuple[int, str, int]
"""When an order was created, its id, and the size of its state in bytes."""

_ORDER = f"SELECT version, state, parked, customer_id FROM orders WHERE order_key = {pack_sql('?1')}"
# One row each, as in blob_join. The sizes come first, so no state is read that does not fit on the page.
_KEYS = "SELECT json_group_array(created), json_group_array(order_id), json_group_array(size) FROM ({})"
_STATES = (
    f"SELECT {join_blobs_sql('state')} FROM"
    f" (SELECT o.state FROM json_each(?) k CROSS JOIN orders o ON o.order_key = {pack_sql('k.value')} ORDER BY k.key)"
)


class QueriedOrder(NamedTuple):
    """An order in an answer: its version, its serialized state, and the offsets up to which the answer is complete."""

    version: int
    state: bytes
    offsets: Offsets


def read_order(model: ReadModel, order_id: str, scope: Scope, connection: Connection) -> QueriedOrder:
    """Return an order from the projection `orders`. Raises Refused if it does not exist or is parked.

    An order that is not in the scope does not exist.
    """
    row = connection.execute(_ORDER, (order_id,)).fetchone()
    if row is None or (row[0] == 0 and row[2] is None) or not scope.includes(row[3] or ""):
        raise Refused(order_not_found(order_id))
    version, state, reason, _ = row
    refuse_parked(order_id, reason)
    return QueriedOrder(version, state, model.positions(connection))


def order_response(model: ReadModel, order: QueriedOrder) -> bytes:
    """Return a serialized GetOrderResponse."""
    token = token_of(model.log_id, order.offsets)
    return first_field(order.state) + GetOrderResponse(consistency_token=token).SerializeToString()


def list_orders(model: ReadModel, request: ListOrdersRequest, scope: Scope, connection: Connection) -> bytes:
    """Return a serialized ListOrdersResponse. Raises Refused for a bad page token or day."""
    max_rows = page_size(request)
    conditions = list_filter(request, scope, read_page_start(request, model.lineage))
    rows = _read_keys(connection, conditions, max_rows + 1)
    page = _cut_page(rows, max_rows)
    has_more = len(page) < len(rows)
    token = token_of(model.log_id, model.positions(connection))
    trailer = ListOrdersResponse(consistency_token=token)
    if has_more:
        key = PageKey(*page[-1][:2], consistency_token=token)
        trailer.next_page_token = next_page_token(request, model.log_id, key)
    return b"".join(map(first_field, _read_states(connection, page))) + trailer.SerializeToString()


def _read_keys(connection: Connection, order_filter: OrderFilter, limit: int) -> list[Row]:
    statement = _KEYS.format(order_filter.rows(choose_path(order_filter.values, connection)))
    columns = connection.execute(statement, order_filter.bound_values() | {"limit": limit}).fetchone()
    return list(zip(*map(loads, columns), strict=True))


def _cut_page(rows: list[Row], max_rows: int) -> list[Row]:
    """Return the rows of one page: the first, and then as many as it may hold."""
    total = 0
    for count, (_, _, size) in enumerate(rows[:max_rows]):
        total += size
        if count and total > PAGE_BYTES:
            return rows[:count]
    return rows[:max_rows]


def _read_states(connection: Connection, page: list[Row]) -> Iterator[bytes]:
    """Yield the state of each row."""
    order_ids = dumps([order_id for _, order_id, _ in page])
    [states] = connection.execute(_STATES, (order_ids,)).fetchone()
    begin = 0
    for _, _, size in page:
        yield states[begin : begin + size]
        begin += size
