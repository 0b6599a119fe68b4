"""Inserts of many rows beside busy threads."""

from collections.abc import Sequence
from itertools import chain

from ordertrail_server.storage.sqlite import sqlite3

ROWS_A_STATEMENT = 64


def insert_rows(connection: sqlite3.Connection, insert: str, rows: Sequence[Sequence[object]]) -> None:
    """Run `insert` ("INSERT INTO table") for rows of equal width, many rows with each statement.

    executemany releases and takes the GIL for every row. Beside a busy thread, that costs more than the row.
    """
    for begin in range(0, len(rows), ROWS_A_STATEMENT):
        chunk = rows[begin : begin + ROWS_A_STATEMENT]
        row = f"({', '.join('?' * len(chunk[0]))})"
        connection.execute(f"{insert} VALUES {', '.join([row] * len(chunk))}", list(chain.from_iterable(chunk)))
