"""ListProductTotals: pages of any filter hold every matching total once, and visit few other rows."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.strategies import SearchStrategy
from tests.history.statement_cost import count_steps

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import (
    ListProductTotalsRequest,
    ListProductTotalsResponse,
    ProductTotal,
)
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.history.product_totals import list_product_totals, totals_query
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.base_tables import create_base_tables
from ordertrail_server.projections.product_totals.projection import ProductTotals
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.storage.sqlite import sqlite3

PRODUCTS, DAYS = ["a", "b", "c"], [1, 2, 3, 4]
Keys = set[tuple[int, str]]
keys = st.sets(st.tuples(st.sampled_from(DAYS), st.sampled_from(PRODUCTS)))
days: SearchStrategy[Date | None] = st.none() | st.sampled_from(DAYS).map(lambda day: build_day(day))
requests = st.builds(
    ListProductTotalsRequest,
    product_id=st.sampled_from(["", *PRODUCTS]),
    day_from=days,
    day_before=days,
    page_size=st.integers(1, 5),
)


def build_day(day: int) -> Date:
    return Date(year=2026, month=3, day=day)


@pytest.fixture(scope="module")
def file() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as connection:
        database = wrap_connection(connection)
        create_base_tables(database, b"log", b"definition", 1)
        ProductTotals().create_tables(database)
        yield connection


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadModel]:
    model = ReadModel(tmp_path_factory.mktemp("totals") / "unused.sqlite", Lineage(b"log", 1), "topic")
    yield model
    model.close()


def fill(file: sqlite3.Connection, stored: Keys) -> None:
    file.execute("DELETE FROM product_totals")
    rows = [(product_id, f"2026-03-{day:02}", day, -day, 10 * day) for day, product_id in stored]
    file.executemany("INSERT INTO product_totals VALUES (?, ?, ?, ?, ?)", rows)


def read_pages(
    file: sqlite3.Connection, model: ReadModel, request: ListProductTotalsRequest
) -> list[list[ProductTotal]]:
    pages, token = [], None
    while token != "":
        request.page_token = token or ""
        response = ListProductTotalsResponse.FromString(list_product_totals(model, request, file))
        pages.append(list(response.totals))
        token = response.next_page_token
    return pages


def matches(day: int, product_id: str, request: ListProductTotalsRequest) -> bool:
    return (
        request.product_id in ("", product_id)
        and (not request.HasField("day_from") or day >= request.day_from.day)
        and (not request.HasField("day_before") or day < request.day_before.day)
    )


@settings(max_examples=100)
@given(stored=keys, request=requests)
def test_pages_of_any_filter_hold_every_matching_total_once(
    file: sqlite3.Connection, model: ReadModel, stored: Keys, request: ListProductTotalsRequest
) -> None:
    fill(file, stored)
    pages = read_pages(file, model, request)
    assert [total for page in pages for total in page] == [
        ProductTotal(
            product_id=product_id,
            day=build_day(day),
            ordered_quantity=day,
            shipped_quantity=-day,
            returned_quantity=10 * day,
        )
        for day, product_id in sorted(stored)
        if matches(day, product_id, request)
    ]
    assert all(len(page) == request.page_size for page in pages[:-1])


@pytest.mark.parametrize("product_id", ["", "p"])
@pytest.mark.parametrize("has_days", [False, True])
@pytest.mark.parametrize("is_first_page", [False, True])
def test_page_visits_only_the_rows_that_it_returns(
    file: sqlite3.Connection, product_id: str, has_days: bool, is_first_page: bool
) -> None:
    file.execute("DELETE FROM product_totals")
    stored = [(product, f"{year}-01-01", 1, 1, 1) for year in range(1700, 1900) for product in ("o", "p", "q")]
    file.executemany("INSERT INTO product_totals VALUES (?, ?, ?, ?, ?)", stored)
    request = ListProductTotalsRequest(product_id=product_id)
    if has_days:
        request.day_from.CopyFrom(Date(year=1701, month=1, day=1))
        request.day_before.CopyFrom(Date(year=1899, month=1, day=1))
    start = None if is_first_page else PageTokenContents(last_number=18500101, last_text="p")
    statement, values = totals_query(request, start)
    steps = count_steps(file, statement, {**values, "limit": 5}, row_count=5)
    assert steps < 30 * 5, "this many steps of SQLite's virtual machine visit more than a few rows"
    plan = " ".join(row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {statement}", {**values, "limit": 5}))
    assert "B-TREE" not in plan


def test_page_token_is_refused_for_other_conditions(file: sqlite3.Connection, model: ReadModel) -> None:
    fill(file, {(1, "a"), (2, "a")})
    request = ListProductTotalsRequest(product_id="a", page_size=1)
    page = ListProductTotalsResponse.FromString(list_product_totals(model, request, file))
    other_request = ListProductTotalsRequest(page_token=page.next_page_token)
    with pytest.raises(Refused) as error:
        list_product_totals(model, other_request, file)
    assert error.value.refusal.reason == ErrorReason.ERROR_REASON_PAGE_TOKEN_MISMATCH


@pytest.mark.parametrize("where", ["day_from", "day_before"])
def test_day_that_does_not_exist_is_refused(file: sqlite3.Connection, model: ReadModel, where: str) -> None:
    request = ListProductTotalsRequest()
    getattr(request, where).CopyFrom(Date(year=2023, month=2, day=29))
    with pytest.raises(Refused) as error:
        list_product_totals(model, request, file)
    assert error.value.refusal.reason == ErrorReason.ERROR_REASON_INVALID_REQUEST
    assert error.value.refusal.where == where
