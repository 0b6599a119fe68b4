"""Transactions: all writes of a body are committed together, or none."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ordertrail_server.storage.connection import Connection, connect_reader, connect_writer
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.transaction import execute_statements, read_transaction, transaction


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Connection]:
    with closing(connect_writer(tmp_path / "any.sqlite")) as connection:
        connection.execute("CREATE TABLE numbers (n UNIQUE)")
        yield connection


@contextmanager
def other_connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(connect_reader(tmp_path / "any.sqlite")) as connection:
        yield connection


def read_numbers(connection: Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n").fetchall()]


def test_others_see_the_writes_of_a_transaction_only_after_its_end(writer: Connection, tmp_path: Path) -> None:
    with other_connection(tmp_path) as reader:
        with transaction(writer):
            writer.execute("INSERT INTO numbers VALUES (1)")
            writer.execute("INSERT INTO numbers VALUES (2)")
            assert read_numbers(reader) == []
        assert read_numbers(reader) == [1, 2]


def test_transaction_is_rolled_back_if_its_body_raises(writer: Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), transaction(writer):
        writer.executemany("INSERT INTO numbers VALUES (?)", [(1,), (1,)])
    assert not writer.in_transaction
    assert read_numbers(writer) == []


def test_transaction_is_rolled_back_if_its_commit_fails(writer: Connection) -> None:
    execute_statements(
        writer,
        """
        PRAGMA foreign_keys = ON;
        CREATE TABLE children (n REFERENCES numbers (n) DEFERRABLE INITIALLY DEFERRED);
        """,
    )
    with pytest.raises(sqlite3.IntegrityError), transaction(writer):
        writer.execute("INSERT INTO children VALUES (1)")
    assert not writer.in_transaction
    assert writer.execute("SELECT count(*) FROM children").fetchone() == (0,)


def test_transaction_after_a_failed_rollback_fails_once(writer: Connection) -> None:
    writer.execute("BEGIN IMMEDIATE")  # as a ROLLBACK that failed leaves it
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"), transaction(writer):
        pass
    with transaction(writer):
        writer.execute("INSERT INTO numbers VALUES (1)")
    assert read_numbers(writer) == [1]


def test_statements_of_a_script_are_rolled_back_with_their_transaction(writer: Connection) -> None:
    script = """
    CREATE TABLE one (n);

    CREATE TRIGGER two AFTER INSERT ON one
    BEGIN INSERT INTO numbers VALUES (NEW.n); END;

    INSERT INTO one VALUES (1);
    INSERT INTO one VALUES (1);
    """
    with pytest.raises(sqlite3.IntegrityError), transaction(writer):
        execute_statements(writer, script)
    assert writer.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'trigger')").fetchall() == [
        ("numbers",)
    ]


def test_incomplete_script_is_refused(writer: Connection) -> None:
    with pytest.raises(ValueError, match="ends within a statement"):
        execute_statements(writer, "CREATE TABLE one (n);\nCREATE TABLE two (n)")


def test_reads_of_a_read_transaction_see_one_state_of_the_file(writer: Connection, tmp_path: Path) -> None:
    with other_connection(tmp_path) as reader:
        with read_transaction(reader):
            assert read_numbers(reader) == []
            writer.execute("INSERT INTO numbers VALUES (1)")
            assert read_numbers(reader) == []
        assert read_numbers(reader) == [1]
