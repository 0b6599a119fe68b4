"""ListOrderEvents: a page of the events of one order or of one customer."""

from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest, ListOrderEventsResponse
from ordertrail_server.history.event_filter import list_filter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.page_builder import PageBuilder
from ordertrail_server.history.pages import PAGE_BYTES, next_page_token, page_size, read_page_start
from ordertrail_server.history.parked_state import parked_reason, refuse_parked
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import invalid_token, token_of
from ordertrail_server.log.position import first_packed


def list_events(model: ReadModel, request: ListOrderEventsRequest, connection: Connection) -> bytes:
    """Return a serialized ListOrderEventsResponse. Raises Refused for a bad page token or a parked order."""
    low, end = _start_position(request, model), first_packed(model.partitions)
    if request.order_id:
        refuse_parked(request.order_id, parked_reason(connection, request.order_id))
    page = PageBuilder(connection, list_filter(request), Limits(page_size(request), PAGE_BYTES))
    while low < end and not page.is_full:
        low = page.step(low, end)
    trailer = ListOrderEventsResponse(
        next_page_token=next_page_token(request, model.log_id, low - 1) if low < end else "",
        consistency_token=token_of(model.log_id, model.positions(connection)),
        parked_order_ids=page.skipped_orders,
    )
    return page.events + trailer.SerializeToString()


def _start_position(request: ListOrderEventsRequest, model: ReadModel) -> int:
    start = read_page_start(request, model.log_id)
    if start is None:
        return 0
    if not 0 <= start.last_number < first_packed(model.partitions):
        raise invalid_token("page_token")
    return start.last_number + 1
