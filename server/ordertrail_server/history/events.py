"""ListOrderEvents: a page of the events of one order or of one customer."""

from ordertrail.v1.order_history_service_pb2 import (
    EVENT_ORDER_POSITION_DESCENDING,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
)
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.event_filter import list_filter
from ordertrail_server.history.event_rows import EventRows
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.page_builder import PageBuilder
from ordertrail_server.history.pages import PAGE_BYTES, next_page_token, page_size, read_page_start
from ordertrail_server.history.parked_state import is_visible, parked_reason, refuse_parked
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.span import Span
from ordertrail_server.history.tokens import invalid_token, token_of
from ordertrail_server.log.position import first_packed
from ordertrail_server.log.token import PageKey

VISITED_ROWS = 10_000
"""The most events that one page visits to find those that match. A page of rare events ends there, with a token."""

STEPS = 100
"""The most steps of one page; each visits up to `skipped_orders.AT_ONCE` waiting facts of parked orders."""


def list_events(model: ReadModel, request: ListOrderEventsRequest, scope: Scope, connection: Connection) -> bytes:
    """Return a serialized ListOrderEventsResponse. Raises Refused for a bad page token or a parked order."""
    span, event_filter = _remaining_span(request, model), list_filter(request, scope)
    if request.order_id and is_visible(connection, event_filter):
        refuse_parked(request.order_id, parked_reason(connection, request.order_id))
    page = PageBuilder(connection, event_filter, Limits(page_size(request), PAGE_BYTES))
    remainder = EventRows(connection, event_filter).limit_visits(span, VISITED_ROWS)
    for _ in range(STEPS):
        if remainder.is_empty or page.is_full:
            break
        remainder = page.step(remainder)
    remainder = span.cut_to(remainder)
    token = token_of(model.log_id, model.positions(connection))
    trailer = ListOrderEventsResponse(consistency_token=token, parked_order_ids=page.skipped_orders)
    if not remainder.is_empty:
        key = PageKey(_sort_key(remainder), consistency_token=token)
        trailer.next_page_token = next_page_token(request, model.log_id, key)
    return page.events + trailer.SerializeToString()


def _remaining_span(request: ListOrderEventsRequest, model: ReadModel) -> Span:
    """Return the positions of the page and all pages after it."""
    span = Span(0, first_packed(model.partitions), request.order_by == EVENT_ORDER_POSITION_DESCENDING)
    start = read_page_start(request, model.lineage)
    if start is None:
        return span
    if not span.holds(start.last_number):
        raise invalid_token("page_token")
    return span.after(start.last_number)


def _sort_key(remainder: Span) -> int:
    """Return the position that is read before the remainder."""
    return remainder.high if remainder.is_descending else remainder.low - 1
