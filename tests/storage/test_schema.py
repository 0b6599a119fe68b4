"""Schemas of SQLite files are compared as text."""

from contextlib import closing
from pathlib import Path

import pytest

from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.schema import build_schema, read_schema
from ordertrail_server.storage.transaction import execute_statements

SCRIPT = """
CREATE TABLE orders (id TEXT PRIMARY KEY, place INTEGER) STRICT;
CREATE INDEX by_place ON orders (place);
CREATE TRIGGER orders_stay BEFORE DELETE ON orders
BEGIN SELECT RAISE(ABORT, 'an order stays'); END;
"""


def test_schema_has_tables_indexes_and_triggers_by_type_and_name() -> None:
    schema = build_schema(SCRIPT)
    assert list(schema) == ["table orders", "index by_place", "trigger orders_stay"]
    assert schema["index by_place"] == "CREATE INDEX by_place ON orders (place)"


def test_file_that_the_script_created_has_the_same_schema_also_with_statistics(tmp_path: Path) -> None:
    with closing(connect_writer(tmp_path / "file.sqlite")) as connection:
        execute_statements(connection, SCRIPT)
        connection.execute("INSERT INTO orders VALUES ('order-1', 1)")
        connection.execute("ANALYZE")
        assert read_schema(connection) == build_schema(SCRIPT)


@pytest.mark.parametrize(
    ("text", "replacement"),
    [("place INTEGER", "place INTEGER "), ("an order stays", "an order remains"), ("by_place ON", "by_id ON")],
)
def test_schema_of_another_text_differs(text: str, replacement: str) -> None:
    assert SCRIPT.count(text) == 1
    assert build_schema(SCRIPT.replace(text, replacement)) != build_schema(SCRIPT)
