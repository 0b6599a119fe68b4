"""GetOrder as of a version, a time or a token. Its cost does not depend on the number of the order's facts."""

from functools import partial

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_NOT_FOUND
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest
from ordertrail_server.history.orders import QueriedOrder
from ordertrail_server.history.parked_state import parked_reason, refuse_parked
from ordertrail_server.history.past_state import state_at
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import Moment
from ordertrail_server.history.version_search import Point, find_version
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import nanoseconds


async def order_as_of(
    orders: ReadModel, history: ReadModel, present: QueriedOrder, request: GetOrderRequest, token: Moment | None
) -> QueriedOrder:
    """Return the order at the request's point; `present` is the order as of now.

    `history` must include what `present` does, and the token. Raises Refused if the order did not exist yet, or does
    not have that version yet.
    """
    if request.HasField("version"):
        version: int | None = request.version if request.version <= present.version else None
    else:
        point: Point = nanoseconds(request.record_time) if token is None else token
        version = await history.read(partial(_find_version, request.order_id, point))
    if version is None:
        raise _not_found(request, present.version)
    if version == present.version:
        return present
    state = await state_at(orders, history, request.order_id, version)
    return present._replace(version=version, state=state)


def _find_version(order_id: str, point: Point, connection: Connection) -> int | None:
    # A retry frees an order in `orders` first. Until it does here, the newest versions are missing.
    refuse_parked(order_id, parked_reason(connection, order_id))
    return find_version(connection, order_id, point)


def _not_found(request: GetOrderRequest, version: int) -> Refused:
    facts = {"version": str(version)}
    if request.HasField("version"):
        message = f"Order {request.order_id} is at version {version}; version {request.version} does not exist yet."
    else:
        message = f"Order {request.order_id} did not exist at that point."
    return Refused(Refusal(ERROR_REASON_ORDER_NOT_FOUND, message, order_id=request.order_id, facts=facts))
