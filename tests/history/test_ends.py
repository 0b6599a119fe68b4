"""A listing ends at the last row, and a replay at the offsets projected when it began."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.history.history_server import (
    HistoryServer,
    build_line_removed,
    build_placed,
    build_quantity_changed,
    list_event_names,
    list_frame_names,
    serve_history,
)

from ordertrail.v1.order_history_service_pb2 import (
    EventOrder,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail.v1.projection_service_pb2 import ListParkedOrdersRequest, ListParkedOrdersResponse
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.parked_orders import list_parked
from ordertrail_server.log.placement import partition_of

ROWS = 4


async def record_rows(server: HistoryServer) -> None:
    """Record ROWS orders, one of them with ROWS events and a customer of its own."""
    for number in range(ROWS - 1):
        server.record(f"o-{number}", build_placed("p"))
    server.record("o", build_placed("p", customer="c"))
    for quantity in range(ROWS - 1):
        server.record("o", build_quantity_changed("p", quantity + 5))
    await server.project()


@pytest.mark.parametrize(("size", "has_more"), [(ROWS - 1, True), (ROWS, False), (ROWS + 1, False)])
@pytest.mark.parametrize("partitions", [1, 3])
async def test_page_has_a_next_page_token_only_if_rows_follow(
    tmp_path: Path, partitions: int, size: int, has_more: bool
) -> None:
    async with serve_history(tmp_path, partitions) as server:
        await record_rows(server)
        orders = ListOrdersResponse.FromString(
            await server.service.ListOrders(ListOrdersRequest(page_size=size), EVERYTHING, None)
        )
        assert (len(orders.orders), orders.next_page_token != "") == (min(size, ROWS), has_more)
        subjects: tuple[dict[str, Any], ...] = ({"order_id": "o"}, {"customer_id": "c"})
        for subject, order_by in product(subjects, EventOrder.values()):
            request = ListOrderEventsRequest(page_size=size, order_by=order_by, **subject)
            events = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
            assert (len(events.events), events.next_page_token != "") == (min(size, ROWS), has_more)


@pytest.mark.parametrize(("size", "has_more"), [(ROWS - 1, True), (ROWS, False), (ROWS + 1, False)])
async def test_page_of_parked_orders_has_a_next_page_token_only_if_rows_follow(
    tmp_path: Path, size: int, has_more: bool
) -> None:
    async with serve_history(tmp_path, 3) as server:
        positions = {}
        for number in range(ROWS):
            server.record(f"order-{number}", build_placed("p"))
            home = partition_of(f"order-{number}", 3)
            positions[f"order-{number}"] = (home, len(server.log.records[home]))
            server.record(f"order-{number}", build_line_removed("never ordered"))
        await server.project()
        model, request = server.orders_model, ListParkedOrdersRequest(page_size=size)
        raw = await model.read(lambda connection: list_parked(model, request, EVERYTHING, connection))
        page = ListParkedOrdersResponse.FromString(raw)
        assert (len(page.orders), page.next_page_token != "") == (min(size, ROWS), has_more)
        assert {partition for partition, _ in positions.values()} == {0, 1, 2}
        for order in page.orders:
            assert (order.position.partition, order.position.offset) == positions[order.order_id]


@pytest.mark.parametrize(
    "conditions",
    [{}, {"order_id": "o"}, {"customer_id": "c"}, {"product_id": "p"}, {"order_id": "o", "product_id": "p"}],
)
async def test_replay_of_any_filter_ends_at_the_offsets_projected_when_it_began(
    tmp_path: Path, conditions: dict[str, Any]
) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p", customer="c"))
        for quantity in (5, 6):
            server.record("o", build_quantity_changed("p", quantity))
        await server.project()
        stream = server.service.StreamOrderEvents(
            StreamOrderEventsRequest(max_events_per_frame=2, **conditions), EVERYTHING, None
        )
        frames = [StreamOrderEventsResponse.FromString(await anext(stream))]
        server.record("o", build_quantity_changed("p", 7))
        await server.project()
        frames += [StreamOrderEventsResponse.FromString(frame) async for frame in stream]
        assert list_frame_names(frames) == [("o", 1), ("o", 2), ("o", 3)]
        assert frames[-1].caught_up


@pytest.mark.parametrize("conditions", [{"order_id": "o"}, {"customer_id": "c"}])
async def test_next_page_begins_after_the_last_event(tmp_path: Path, conditions: dict[str, Any]) -> None:
    async with serve_history(tmp_path) as server:
        await record_rows(server)
        request, names = ListOrderEventsRequest(page_size=1, **conditions), list[tuple[str, int]]()
        while not names or request.page_token:
            page = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
            names += list_event_names(page.events)
            request.page_token = page.next_page_token
        assert names == [("o", version) for version in range(1, ROWS + 1)]
