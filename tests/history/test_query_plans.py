"""Query plans: SQLite uses an index, or reads the log in bounded steps; it never scans a whole table."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.history.statement_cost import count_steps

from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.order_filter import OrderFilter, list_filter
from ordertrail_server.projections.history.tables import create_history_indexes, create_history_tables
from ordertrail_server.projections.orders.tables import create_order_indexes, create_order_tables
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.storage.sqlite import sqlite3

Plan = list[str]


@pytest.fixture
def history_file() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        create_history_tables(database := wrap_connection(connection))
        create_history_indexes(database)
        yield connection


@pytest.fixture
def orders_file() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        create_order_tables(database := wrap_connection(connection))
        create_order_indexes(database)
        yield connection


def plan(model: sqlite3.Connection, statement: str, values: Mapping[str, str | int | None]) -> Plan:
    return [step[3] for step in model.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


EVENT_PATHS = {
    (True, True): "SEARCH e USING INDEX events_by_order (order_key=? AND version>? AND version<?)",
    (True, False): "SEARCH e USING INDEX events_by_order (order_key=? AND version>? AND version<?)",
    (False, True): "SEARCH e USING INDEX events_by_customer (customer_id=? AND position>? AND position<?)",
}
SPAN_VALUES = {"low": 0, "high": 9, "version_before": 0, "last_version": 9, "limit": 5, "count": 5}
OTHER_EVENT_CONDITIONS = [
    {},
    {"types": (20, 21)},
    {"recorded_from": 1},
    {"recorded_before": 2},
    {"types": (20,), "recorded_from": 1, "recorded_before": 2},
]


@pytest.mark.parametrize(("order", "customer", "has_product"), list(product([True, False], repeat=3)))
@pytest.mark.parametrize("more_conditions", OTHER_EVENT_CONDITIONS)
@pytest.mark.parametrize("is_descending", [False, True])
def test_event_queries_use_the_narrowest_index_and_never_sort(
    history_file: sqlite3.Connection,
    order: bool,
    customer: bool,
    has_product: bool,
    more_conditions: dict[str, Any],
    is_descending: bool,
) -> None:
    query = EventFilter(EVERYTHING, "o" * order, "c" * customer, "p" * has_product, **more_conditions)
    steps = plan(history_file, query.rows(is_descending=is_descending), query.values() | SPAN_VALUES)
    if order or customer:
        assert steps[0] == EVENT_PATHS[order, customer]
    elif has_product:
        assert steps[0] == "SEARCH n USING PRIMARY KEY (product_id=? AND position>? AND position<?)"
        assert steps[1] == "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"
    else:
        assert steps == ["SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]
    assert not [step for step in steps if step.startswith("SCAN") or "B-TREE" in step]


@pytest.mark.parametrize("is_descending", [False, True])
def test_limit_of_visited_rows_is_found_in_the_index_alone(
    history_file: sqlite3.Connection, is_descending: bool
) -> None:
    for query, index in (
        (EventFilter(EVERYTHING, "o"), "events_by_order"),
        (EventFilter(EVERYTHING, "", "c"), "events_by_customer"),
    ):
        statement = query.index_position(is_descending=is_descending)
        [step] = plan(history_file, statement, query.values() | SPAN_VALUES)
        assert step.startswith(f"SEARCH e USING COVERING INDEX {index} (")


# Sorts only the orders that were created at the same nanosecond, so the index need not hold their ids.
SORTED_WITHIN_A_TIME = "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"

ORDER_PATHS = {
    "source_reference": "SEARCH o USING INDEX orders_by_reference (source_reference=?)",
    "customer_id": "SEARCH o USING INDEX orders_by_customer (customer_id=?",
    "product_id": "SEARCH n USING PRIMARY KEY (product_id=?)",
}
ALL_CONDITIONS: dict[str, str | int] = {
    "source_reference": "1",
    "customer_id": "c",
    "product_id": "p",
    "created_from": 1,
    "created_before": 2,
    "delivery_from": 20240101,
    "delivery_before": 20240201,
    "last_created": 1,
    "last_order_id": "o",
}


@pytest.mark.parametrize("path", list(ORDER_PATHS))
@pytest.mark.parametrize("more_conditions", [False, True])
def test_order_queries_use_the_chosen_index(orders_file: sqlite3.Connection, path: str, more_conditions: bool) -> None:
    query = OrderFilter(
        ALL_CONDITIONS if more_conditions else {path: ALL_CONDITIONS[path]},
        EVERYTHING,
        (1, 2) if more_conditions else (),
    )
    steps = plan(orders_file, query.rows(path), query.bound_values() | {"limit": 5})
    assert steps[0].startswith(ORDER_PATHS[path])
    if path == "product_id":
        assert steps[1] == "SEARCH o USING INTEGER PRIMARY KEY (rowid=?)"
    assert not [step for step in steps if step.startswith("SCAN")]


@pytest.mark.parametrize("path", ["customer_id", ""])
def test_query_that_matches_many_orders_reads_a_sorted_index(orders_file: sqlite3.Connection, path: str) -> None:
    query = OrderFilter({"customer_id": "c", "product_id": "p"} if path else {"product_id": "p"}, EVERYTHING)
    steps = plan(orders_file, query.rows(path), query.bound_values() | {"limit": 5})
    assert [step for step in steps if "B-TREE" in step] == [SORTED_WITHIN_A_TIME]


@pytest.mark.parametrize("condition", ["created_from", "created_before", "last_created"])
def test_creation_time_bounds_the_scan_of_all_orders(orders_file: sqlite3.Connection, condition: str) -> None:
    query = OrderFilter({condition: 1, "last_order_id": "o"}, EVERYTHING)
    steps = plan(orders_file, query.rows(""), query.bound_values() | {"limit": 5})
    assert steps[0].startswith("SEARCH o USING INDEX orders_by_time (")
    assert steps[1:] == [SORTED_WITHIN_A_TIME]


@pytest.mark.parametrize("last_created", [1_000, 11])
def test_late_page_of_orders_created_before_a_time_costs_the_same_as_the_first(
    orders_file: sqlite3.Connection, last_created: int
) -> None:
    orders_file.executemany(
        "INSERT INTO orders (order_key, version, status, state, created) VALUES (?, 1, 1, x'00', ?)",
        [(f"o-{number}", number) for number in range(2_000)],
    )
    request = ListOrdersRequest(created_before=Timestamp(nanos=2_000))
    first_page, late_page = (
        count_steps(orders_file, query.rows(""), query.bound_values() | {"limit": 11}, row_count=11)
        for after in (None, PageTokenContents(last_number=last_created, last_text="o"))
        for query in [list_filter(request, EVERYTHING, after)]
    )
    assert late_page <= first_page * 1.2
