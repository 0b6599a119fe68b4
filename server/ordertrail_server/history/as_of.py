"""The state of an order as of a version, a time or a token: the fold of its facts up to there."""

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_NOT_FOUND
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, ListOrderEventsResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits, join
from ordertrail_server.history.orders import PresentOrder
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.evolve import fold
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.storage.packed_id import pack_sql

BATCH = Limits(10_000, 1024 * 1024)
"""The events that are parsed at once; it bounds the memory for an order with a long history."""

_OF_ORDER = f"order_key = {pack_sql('?1')}"
_LAST = {
    "version": "version = ?2",
    "record_time": "record_time <= ?2",
    "token": "+position < ?2",
}


def order_as_of(
    present: PresentOrder, request: GetOrderRequest, token: Offsets | None, connection: Connection
) -> PresentOrder:
    """Return the order at the request's point, from the projection `history`; `present` is the order as of now.

    Raises Refused if the order did not exist yet, or does not have that version yet.
    """
    condition, value = _point_condition(request, token)
    last = connection.execute(
        f"SELECT version, position FROM events WHERE {_OF_ORDER} AND {condition} ORDER BY version DESC LIMIT 1",
        (request.order_id, value),
    ).fetchone()
    if last is None:
        raise _not_found(request, present.version)
    if last[0] == present.version:
        return present
    return present._replace(state=_fold(connection, request.order_id, last[1]))


def _point_condition(request: GetOrderRequest, token: Offsets | None) -> tuple[str, int]:
    if token is not None:
        partition = partition_of(request.order_id, len(token))
        return _LAST["token"], LogPosition(partition, token[partition]).pack()
    if request.HasField("record_time"):
        return _LAST["record_time"], nanoseconds(request.record_time)
    return _LAST["version"], request.version


def _fold(connection: Connection, order_id: str, last: int) -> bytes:
    order: Order | None = None
    low, has_more = 0, True
    while has_more:
        events, _, low, has_more = join(connection, EventFilter(order_id), low, last + 1, BATCH)
        order = fold(ListOrderEventsResponse.FromString(events).events, order)
    return order.SerializeToString() if order else b""


def _not_found(request: GetOrderRequest, version: int) -> Refused:
    facts = {"version": str(version)}
    if request.HasField("version"):
        message = f"Order {request.order_id} is at version {version}; version {request.version} does not exist yet."
    else:
        message = f"Order {request.order_id} did not exist at that point."
    return Refused(Refusal(ERROR_REASON_ORDER_NOT_FOUND, message, order_id=request.order_id, facts=facts))
