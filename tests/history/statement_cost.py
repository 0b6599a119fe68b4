"""What a query costs, independent of the machine."""

from collections.abc import Mapping

from ordertrail_server.storage.sqlite import sqlite3


def count_steps(
    connection: sqlite3.Connection, statement: str, values: Mapping[str, str | int], row_count: int | None = None
) -> int:
    """Return how many instructions SQLite's virtual machine runs for a query.

    `row_count` is the expected number of rows, None if it does not matter.
    """
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 1)
    rows = connection.execute(statement, values).fetchall()
    connection.set_progress_handler(None, 0)
    assert row_count in (None, len(rows))
    return steps
