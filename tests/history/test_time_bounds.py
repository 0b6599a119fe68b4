"""A time `…_from` is included, a time `…_before` is not, to the nanosecond and on every path to the rows."""

from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.history.shop import NOON, SECOND, Shop, names_in, placed, shop_in

from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest, ListOrdersResponse, StreamOrderEventsRequest
from ordertrail_server.history import order_filter, start

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


def record_around_noon(shop: Shop) -> None:
    for order_id, time in (("before", NOON - 1), ("at", NOON), ("behind", NOON + 1)):
        shop.record(order_id, placed("p", customer="c", reference="r"), time)


@of_bounds
@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize("path", [{}, {"customer_id": "c"}, {"product_id": "p"}, {"source_reference": "r"}])
async def test_orders_are_listed_from_the_first_time_and_before_the_second(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: dict[str, str],
    few: int,
    begin: Timestamp | None,
    end: Timestamp | None,
    expected: list[str],
) -> None:
    monkeypatch.setattr(order_filter, "FEW", few)
    async with shop_in(tmp_path) as shop:
        record_around_noon(shop)
        await shop.project()
        request = ListOrdersRequest(created_from=begin, created_before=end, **path)  # type: ignore[arg-type]
        page = ListOrdersResponse.FromString(await shop.service.ListOrders(request, None))
        assert [order.order_id for order in reversed(page.orders)] == expected


@of_bounds
@pytest.mark.parametrize("few", [0, 100_000])
@pytest.mark.parametrize("path", [{}, {"customer_id": "c"}, {"product_id": "p"}])
async def test_events_are_streamed_from_the_first_time_and_before_the_second(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: dict[str, str],
    few: int,
    begin: Timestamp | None,
    end: Timestamp | None,
    expected: list[str],
) -> None:
    monkeypatch.setattr(start, "FEW", few)
    async with shop_in(tmp_path) as shop:
        record_around_noon(shop)
        await shop.project()
        request = StreamOrderEventsRequest(recorded_from=begin, recorded_before=end, **path)  # type: ignore[arg-type]
        assert names_in(await shop.stream(request)) == [(order_id, 1) for order_id in expected]


@of_bounds
async def test_events_of_one_order_are_streamed_from_the_first_time_and_before_the_second(
    tmp_path: Path, begin: Timestamp | None, end: Timestamp | None, expected: list[str]
) -> None:
    async with shop_in(tmp_path) as shop:
        record_around_noon(shop)
        await shop.project()
        found = []
        for order_id in ("before", "at", "behind"):
            request = StreamOrderEventsRequest(order_id=order_id, recorded_from=begin, recorded_before=end)
            found += names_in(await shop.stream(request))
        assert found == [(order_id, 1) for order_id in expected]
