"""Parked orders, and the frames and pages that skip their facts, in tests."""

from typing import Any

from tests.history.history_server import (
    HistoryServer,
    build_line_removed,
    build_placed,
    seal_record,
)
from tests.projections.log_builder import FUTURE

from ordertrail.v1.order_history_service_pb2 import (
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.access.scope import EVERYTHING


def park(server: HistoryServer, order_id: str, customer: str = "c") -> None:
    """Record an order, and a fact that cannot be folded."""
    server.record(order_id, build_placed("p", customer=customer))
    server.record(order_id, build_line_removed("never ordered"))


def park_unknown(server: HistoryServer, order_id: str) -> None:
    """Record an order that begins with an event of a newer release, so that its customer is unknown."""
    server.land(order_id, seal_record(order_id, 1, b"", FUTURE))


def parked_ids(frames: list[StreamOrderEventsResponse]) -> list[str]:
    return [order_id for frame in frames for order_id in frame.parked_order_ids]


async def stream_frames(server: HistoryServer, **conditions: Any) -> list[StreamOrderEventsResponse]:
    return await server.stream(StreamOrderEventsRequest(**conditions))


async def list_pages(server: HistoryServer, **conditions: Any) -> list[ListOrderEventsResponse]:
    request, pages = ListOrderEventsRequest(**conditions), list[ListOrderEventsResponse]()
    while not pages or request.page_token:
        pages.append(
            ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
        )
        request.page_token = pages[-1].next_page_token
    return pages
