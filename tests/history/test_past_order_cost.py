"""What a page of orders as of a moment costs: independent of the number of orders wherever an index has its order."""

from collections.abc import Iterator
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from tests.history.statement_cost import count_steps

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_CANCELLED
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.order_filter import choose_path, is_bounded
from ordertrail_server.history.past_order_filter import PAST_COUNTS, past_filter
from ordertrail_server.history.tokens import Moment
from ordertrail_server.orders.time_text import time_text
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.timeline.tables import create_timeline_indexes, create_timeline_tables
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3

VERSIONS = 20
FEW, MANY = 200, 2_000
LIMIT = 11
CONDITIONS: dict[str, Any] = {
    "customer_id": "c",
    "source_reference": "r-7",
    "product_id": "p",
    "statuses": [ORDER_STATUS_CANCELLED],
    "created_from": moment(0),
    "created_before": moment(10**15),
    "delivery_from": Date(year=2026, month=1, day=1),
}
REQUESTS = [
    ListOrdersRequest(**dict(zip(CONDITIONS, values, strict=True)))
    for values in product(*((None, value) for value in CONDITIONS.values()))
]


def fill(connection: Connection, orders: int) -> None:
    """Store orders whose versions take turns: version 1 of all of them, then version 2 of all of them, and so on."""
    create_timeline_tables(database := wrap_connection(connection))
    connection.executemany(
        "INSERT INTO placed_orders VALUES (?, ?, 'c', ?, ?)",
        [(number, f"o-{number}", f"r-{number}", time_text(number)) for number in range(orders)],
    )
    connection.executemany(
        "INSERT INTO order_changes VALUES (?, ?, ?, ?, 'PLACED', NULL, NULL, 1, 0, '2026-01-01', 'X', '', '')",
        [
            (number, version + 1, offset := version * orders + number, time_text(offset))
            for version in range(VERSIONS)
            for number in range(orders)
        ],
    )
    connection.executemany(
        "INSERT INTO line_changes VALUES (?, 'p', 1, 0, 1, 0, '1.00', 'EUR')", [(number,) for number in range(orders)]
    )
    create_timeline_indexes(database)


@pytest.fixture(scope="module")
def timelines() -> Iterator[dict[int, Connection]]:
    with closing(sqlite3.connect(":memory:")) as few, closing(sqlite3.connect(":memory:")) as many:
        fill(few, FEW)
        fill(many, MANY)
        yield {FEW: few, MANY: many}


def count_page_steps(
    connection: Connection, request: ListOrdersRequest, past: Moment, after: PageTokenContents | None = None
) -> int:
    query = past_filter(request, EVERYTHING, past, after)
    statement = query.rows(choose_path(query.values, connection, PAST_COUNTS))
    return count_steps(connection, statement, query.bound_values() | {"limit": LIMIT})


def test_page_with_sorted_index_costs_the_same_among_few_and_many_orders(timelines: dict[int, Connection]) -> None:
    bounded = [request for request in REQUESTS if is_bounded(request, EVERYTHING)]
    assert len(bounded) == 8 + 64
    for request in bounded:
        few, many = (
            count_page_steps(timelines[orders], request, Moment((orders * VERSIONS,), orders * VERSIONS // 2))
            for orders in (FEW, MANY)
        )
        assert many <= few * 1.2, request


@pytest.mark.parametrize("first", [MANY // 2, LIMIT])
def test_late_page_costs_the_same_as_the_first(timelines: dict[int, Connection], first: int) -> None:
    newest = Moment((MANY * VERSIONS,), MANY * VERSIONS)
    request = ListOrdersRequest(created_before=moment(MANY))
    first_page = count_page_steps(timelines[MANY], request, newest)
    after = PageTokenContents(last_number=first, last_text="o")
    assert count_page_steps(timelines[MANY], request, newest, after) <= first_page * 1.2


def test_orders_created_before_a_time_cost_the_same_as_the_newest(timelines: dict[int, Connection]) -> None:
    newest = Moment((MANY * VERSIONS,), MANY * VERSIONS)
    first_page = count_page_steps(timelines[MANY], ListOrdersRequest(), newest)
    assert count_page_steps(timelines[MANY], ListOrdersRequest(created_before=moment(20)), newest) <= first_page * 1.2


@pytest.mark.parametrize("share", [0.06, 0.5, 0.97])
def test_version_at_a_moment_is_found_without_reading_the_others(
    timelines: dict[int, Connection], share: float
) -> None:
    past = Moment((MANY * VERSIONS,), int(MANY * VERSIONS * share))
    newest = Moment((MANY * VERSIONS,), MANY * VERSIONS)
    # A binary search reads five of twenty versions. Reading from the newest down would take up to twenty times as long.
    assert count_page_steps(timelines[MANY], ListOrdersRequest(), past) <= 4 * count_page_steps(
        timelines[MANY], ListOrdersRequest(), newest
    )
