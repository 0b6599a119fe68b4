"""A page of events visits a bounded number of rows, for any filters and direction, however long the history is."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    build_placed,
    build_quantity_changed,
    list_event_names,
    serve_history,
)
from tests.history.skipped_orders import list_pages, park

from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_CANCELLED
from ordertrail.v1.order_history_service_pb2 import (
    EVENT_ORDER_POSITION_ASCENDING,
    EVENT_ORDER_POSITION_DESCENDING,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history import events, skipped_orders
from ordertrail_server.history.read_model import Connection

VISITED_ROWS = 30
SHORT, LONG = 200, 800
PAGES = 3
EARLY, LATE = (Timestamp(seconds=NOON // SECOND + seconds) for seconds in (-10, 10_000_000))

# Every filter of each list but the last matches nothing, or everything.
SUBJECTS: list[dict[str, Any]] = [{"order_id": "o"}, {"customer_id": "c"}]
FILTERS: list[list[dict[str, Any]]] = [
    [{"product_id": "never named"}, {"product_id": "p"}, {}],
    [{"event_types": [ORDER_EVENT_TYPE_ORDER_CANCELLED]}, {}],
    [{"recorded_from": LATE}, {"recorded_from": EARLY}, {}],
    [{"recorded_before": EARLY}, {"recorded_before": LATE}, {}],
    [{"order_by": EVENT_ORDER_POSITION_ASCENDING}, {"order_by": EVENT_ORDER_POSITION_DESCENDING}],
]


def list_requests() -> Iterator[dict[str, Any]]:
    """Yield every combination of a subject, filters and a direction."""
    for subject, *filters in product(SUBJECTS, *FILTERS):
        yield {name: value for conditions in (subject, *filters) for name, value in conditions.items()}


async def count_instructions(server: HistoryServer, **conditions: Any) -> int:
    """Return how many instructions SQLite runs for the most expensive one of the first pages."""
    request, counts = ListOrderEventsRequest(page_size=10, **conditions), list[int]()

    def step() -> None:
        counts[-1] += 1

    def list_page(connection: Connection) -> bytes:
        connection.set_progress_handler(step, 1)
        try:
            return events.list_events(server.model, request, EVERYTHING, connection)
        finally:
            connection.set_progress_handler(None, 0)

    while len(counts) < PAGES and (not counts or request.page_token):
        counts.append(0)
        request.page_token = ListOrderEventsResponse.FromString(await server.model.read(list_page)).next_page_token
    return max(counts)


async def measure_costs(directory: Path, event_count: int) -> list[int]:
    """Return the cost of each request in a history of one order."""
    async with serve_history(directory) as server:
        server.record("o", build_placed("p", customer="c"))
        for quantity in range(3, event_count + 2):
            server.record("o", build_quantity_changed("p", quantity))
        await server.project()
        return [await count_instructions(server, **conditions) for conditions in list_requests()]


async def test_cost_of_a_page_does_not_grow_with_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "VISITED_ROWS", VISITED_ROWS)
    in_short = await measure_costs(tmp_path / "short", SHORT)
    in_long = await measure_costs(tmp_path / "long", LONG)
    growth = [long / short for short, long in zip(in_short, in_long, strict=True)]
    # The search for a version takes two steps more among four times as many versions.
    assert max(growth) < 1.5, dict(zip(map(str, list_requests()), growth, strict=True))


async def test_page_ends_after_many_waiting_facts_of_other_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skipped_orders, "AT_ONCE", 2)
    monkeypatch.setattr(events, "STEPS", 3)
    async with serve_history(tmp_path) as server:
        server.record("first", build_placed("p", customer="c"))
        park(server, "other", customer="d")
        for quantity in range(20):
            server.record("other", build_quantity_changed("p", quantity + 3))
        server.record("last", build_placed("p", customer="c"))
        await server.project()
        pages = await list_pages(server, customer_id="c")
        assert len(pages) > 3
        assert [name for page in pages for name in list_event_names(page.events)] == [("first", 1), ("last", 1)]
