"""The views find the rows of an order, a customer, a reference or a product by an index."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from ordertrail_server.projections.timeline.projection import Timeline
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3


@pytest.fixture(scope="module")
def file() -> Iterator[Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        database = wrap_connection(connection)
        Timeline().create_tables(database)
        Timeline().create_indexes(database)
        Timeline().create_indexes(database)
        yield connection


def explain(file: Connection, query: str) -> list[str]:
    return [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {query}")]


@pytest.mark.parametrize(
    ("view", "condition"),
    [
        ("order_versions", "order_id = 'o'"),
        ("order_versions", "customer_id = 'c' AND valid_from <= '2026' AND '2026' < valid_until"),
        ("order_versions", "source_reference = '17'"),
        ("line_versions", "order_id = 'o'"),
        ("line_versions", "product_id = 'p' AND valid_from <= '2026' AND '2026' < valid_until"),
    ],
)
def test_condition_on_a_view_scans_no_table(file: Connection, view: str, condition: str) -> None:
    plan = explain(file, f"SELECT * FROM {view} WHERE {condition}")
    assert len(plan) > 2
    assert [step for step in plan if step.startswith("SCAN")] == []
