"""A time or day `…_from` is included, one `…_before` is not, to the nanosecond and on every path to the rows."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.history.history_server import NOON, SECOND, HistoryServer, build_placed, list_frame_names, serve_history

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_events_pb2 import OrderDeliveryRescheduled
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest, ListOrdersResponse, StreamOrderEventsRequest
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history import order_filter

AT_NOON, BEHIND_NOON = Timestamp(seconds=NOON // SECOND), Timestamp(seconds=NOON // SECOND, nanos=1)
BOUNDS = [
    (AT_NOON, None, ["at", "behind"]),
    (BEHIND_NOON, None, ["behind"]),
    (None, AT_NOON, ["before"]),
    (None, BEHIND_NOON, ["before", "at"]),
    (AT_NOON, BEHIND_NOON, ["at"]),
    (AT_NOON, AT_NOON, []),
]

of_bounds = pytest.mark.parametrize(("begin", "end", "expected"), BOUNDS)


def record_around_noon(server: HistoryServer) -> None:
    for order_id, time in (("before", NOON - 1), ("at", NOON), ("behind", NOON + 1)):
        server.record(order_id, build_placed("p", customer="c", reference="r"), time)


@of_bounds
@pytest.mark.parametrize("max_indexed", [0, 10_000])
@pytest.mark.parametrize("path", [{}, {"customer_id": "c"}, {"product_id": "p"}, {"source_reference": "r"}])
async def test_list_orders_includes_its_first_time_and_excludes_its_last(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: dict[str, Any],
    max_indexed: int,
    begin: Timestamp | None,
    end: Timestamp | None,
    expected: list[str],
) -> None:
    monkeypatch.setattr(order_filter, "FEW", max_indexed)
    async with serve_history(tmp_path) as server:
        record_around_noon(server)
        await server.project()
        request = ListOrdersRequest(created_from=begin, created_before=end, **path)
        page = ListOrdersResponse.FromString(await server.service.ListOrders(request, EVERYTHING, None))
        assert [order.order_id for order in reversed(page.orders)] == expected


@of_bounds
@pytest.mark.parametrize("path", [{}, {"customer_id": "c"}, {"product_id": "p"}])
async def test_stream_includes_its_first_time_and_excludes_its_last(
    tmp_path: Path,
    path: dict[str, Any],
    begin: Timestamp | None,
    end: Timestamp | None,
    expected: list[str],
) -> None:
    async with serve_history(tmp_path) as server:
        record_around_noon(server)
        await server.project()
        request = StreamOrderEventsRequest(recorded_from=begin, recorded_before=end, **path)
        assert list_frame_names(await server.stream(request)) == [(order_id, 1) for order_id in expected]


@of_bounds
async def test_stream_of_an_order_includes_its_first_time_and_excludes_its_last(
    tmp_path: Path, begin: Timestamp | None, end: Timestamp | None, expected: list[str]
) -> None:
    async with serve_history(tmp_path) as server:
        record_around_noon(server)
        await server.project()
        names = []
        for order_id in ("before", "at", "behind"):
            request = StreamOrderEventsRequest(order_id=order_id, recorded_from=begin, recorded_before=end)
            names += list_frame_names(await server.stream(request))
        assert names == [(order_id, 1) for order_id in expected]


DAYS = [
    date(2023, 12, 31),
    *(date(2024, *day) for day in [(1, 1), (1, 30), (1, 31), (2, 1), (2, 29), (3, 1), (12, 31)]),
]


def build_date(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


async def test_delivery_from_is_inclusive_and_delivery_before_is_exclusive(
    tmp_path: Path,
) -> None:
    async with serve_history(tmp_path) as server:
        for day in DAYS:
            server.record(f"{day}", build_placed("p"))
            server.record(f"{day}", OrderDeliveryRescheduled(expected_delivery_date=build_date(day)))
        await server.project()

        async def list_ids(request: ListOrdersRequest) -> list[str]:
            page = ListOrdersResponse.FromString(await server.service.ListOrders(request, EVERYTHING, None))
            return [order.order_id for order in reversed(page.orders)]

        for bound in DAYS:
            later = await list_ids(ListOrdersRequest(delivery_from=build_date(bound)))
            earlier = await list_ids(ListOrdersRequest(delivery_before=build_date(bound)))
            assert later == [f"{day}" for day in DAYS if day >= bound]
            assert earlier == [f"{day}" for day in DAYS if day < bound]
