"""ListOrderEvents: a page of the events of one order or of one customer."""

from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest, ListOrderEventsResponse
from ordertrail_server.history.event_filter import listed
from ordertrail_server.history.frames import Limits, join
from ordertrail_server.history.pages import PAGE_BYTES, next_page, page_start, rows_of
from ordertrail_server.history.parked import parked_reason, refuse_parked
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import OFFSET_BITS, token_of


def list_events(model: ReadModel, request: ListOrderEventsRequest, connection: Connection) -> bytes:
    """Return a serialized ListOrderEventsResponse. Raises Refused: a bad page token, a parked order."""
    start = page_start(request)
    if request.order_id:
        refuse_parked(request.order_id, parked_reason(connection, request.order_id))
    low = start.last_number + 1 if start else 0
    end = model.partitions << OFFSET_BITS
    page = join(connection, listed(request), low, end, Limits(rows_of(request), PAGE_BYTES))
    rest = ListOrderEventsResponse(
        next_page_token=next_page(request, page.next - 1) if page.more else "",
        consistency_token=token_of(model.log_id, model.positions(connection)),
    )
    return page.events + rest.SerializeToString()
