"""Explicit transactions of a connection."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit the writes of the body together at its end, or roll them back if it or the commit raises.

    It takes the write lock at once (BEGIN IMMEDIATE), so no other connection commits within it or makes it fail. It
    cannot be nested. For several statements in one text use `execute_statements`.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A ROLLBACK that fails is retried by the next transaction, whose BEGIN fails because of it.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


@contextmanager
def read_transaction(connection: Connection) -> Iterator[None]:
    """Let all reads of the body see one state of the file. No cursor may outlive the body."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:  # a damaged page ends it
            connection.execute("COMMIT")


def execute_statements(connection: Connection, script: str) -> None:
    """Execute the statements of a script inside the caller's transaction. Each one begins on a new line.

    executescript would commit the transaction first.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    if statement.strip():
        raise ValueError(f"the script ends within a statement: {statement}")
