"""The tables of a projection that are compared, and their names in statements."""

import pytest

from ordertrail_server.projections.comparison import TableComparison, compare_table, comparison_queries
from ordertrail_server.projections.table_name import list_table_names
from ordertrail_server.storage.sqlite import sqlite3

QUOTED = 'a "quoted" name'


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("""CREATE TABLE 'a "quoted" name' ('a "column"')""")
    connection.execute("CREATE VIRTUAL TABLE search USING fts5 (words)")
    connection.execute("CREATE VIEW shown AS SELECT words FROM search")
    return connection


def test_views_and_the_shadow_tables_of_a_virtual_one_are_left_out(connection: sqlite3.Connection) -> None:
    assert list_table_names(connection) == [QUOTED, "search"]


def test_tables_are_compared_whatever_their_names_are(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO search VALUES ('apple')")
    connection.execute("""INSERT INTO 'a "quoted" name' VALUES (1)""")
    queries = comparison_queries(connection, {})
    comparisons = [compare_table(connection, connection, table, query) for table, query in queries.items()]
    assert comparisons == [TableComparison(QUOTED, 1, 1), TableComparison("search", 1, 1)]
