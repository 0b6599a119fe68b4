"""Compares the rows of two files side by side, in the order of their keys and in bounded memory."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from ordertrail_server.projections.audit.audited_table import AuditedTable
from ordertrail_server.projections.row_order import Row, key_order
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite_error import raise_text_damage

CHUNK = 256
"""How many rows of each file are compared at once. Chunks that are equal cost the least."""


class RowDifference(NamedTuple):
    """A row that differs: as the log says, and as the projection holds it; None if there is no such row."""

    expected: Row | None
    stored: Row | None


class RowStream:
    """The rows of a table in one file, of which a chunk is in memory."""

    def __init__(self, connection: Connection, table: AuditedTable) -> None:
        self._key_length = table.key_length
        self._chunks = chain.from_iterable(_read_chunks(connection, query) for query in table.queries)
        self.rows: list[Row] = []
        self.count = 0

    def fill(self) -> None:
        """Read rows until a chunk is in memory, or the table ends."""
        while len(self.rows) < CHUNK and (chunk := next(self._chunks, None)) is not None:
            self.rows += chunk
            self.count += len(chunk)

    def order_at(self, index: int) -> tuple[tuple[int, object], ...]:
        """Return the sort key of a row in memory."""
        return key_order(self.rows[index], self._key_length)


def find_differences(expected: RowStream, stored: RowStream) -> Iterator[RowDifference | None]:
    """Yield each row that differs, and None after each chunk, so that the caller can give way."""
    while True:
        expected.fill()
        stored.fill()
        if not expected.rows and not stored.rows:
            return
        if expected.rows == stored.rows:
            expected.rows, stored.rows = [], []
        else:
            yield from _compare_chunks(expected, stored)
        yield None


def _compare_chunks(expected: RowStream, stored: RowStream) -> Iterator[RowDifference]:
    """Compare the rows in memory, as far as both files have rows there; all of one file if the other has ended."""
    expected_at, stored_at = 0, 0
    while expected_at < len(expected.rows) and stored_at < len(stored.rows):
        if expected.rows[expected_at] == stored.rows[stored_at]:
            expected_at, stored_at = expected_at + 1, stored_at + 1
            continue
        expected_order, stored_order = expected.order_at(expected_at), stored.order_at(stored_at)
        is_missing, is_added = expected_order < stored_order, stored_order < expected_order
        yield RowDifference(
            None if is_added else expected.rows[expected_at],
            None if is_missing else stored.rows[stored_at],
        )
        expected_at, stored_at = expected_at + (not is_added), stored_at + (not is_missing)
    if not stored.rows:
        yield from (RowDifference(row, None) for row in expected.rows)
        expected_at = len(expected.rows)
    if not expected.rows:
        yield from (RowDifference(None, row) for row in stored.rows)
        stored_at = len(stored.rows)
    expected.rows, stored.rows = expected.rows[expected_at:], stored.rows[stored_at:]


def _read_chunks(connection: Connection, query: str) -> Iterator[list[Row]]:
    cursor = connection.execute(query)
    fetch = raise_text_damage(cursor.fetchmany)
    while rows := fetch(CHUNK):
        yield rows
