"""Cursors that return no row of a file whose pages are not verified."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from ordertrail_server.storage.checked.error import ChecksumsMissing, raise_checked_error
from ordertrail_server.storage.connection import Cursor
from ordertrail_server.storage.sqlite import sqlite3


class CheckedCursor(Cursor):
    """A cursor of a checked connection."""

    executemany = raise_checked_error(Cursor.executemany)
    fetchone = raise_checked_error(Cursor.fetchone)
    fetchall = raise_checked_error(Cursor.fetchall)

    @raise_checked_error
    def __next__(self) -> Any:
        return super().__next__()

    @raise_checked_error
    def execute(self, *arguments: Any) -> Self:
        """Execute a statement. Raises ChecksumsMissing if it would return rows that are not verified."""
        connection: CheckedConnection = self.connection  # type: ignore[assignment]  # it made the cursor
        if not connection.in_transaction:
            connection.is_verified = False
        super().execute(*arguments)
        if self.description is not None and not connection.is_verified:
            connection.refuse_unverified()
        return self

    @raise_checked_error
    def executescript(self, script: str) -> Self:
        """Execute statements that return no rows."""
        self.connection.is_verified = False  # type: ignore[attr-defined]  # as above
        super().executescript(script)
        return self


class CheckedConnection(sqlite3.Connection):
    """A connection through the checksum VFS.

    The VFS silently stops to verify once it reads a header with another number of reserved bytes. SQLite reads the
    header at the beginning of a transaction, and keeps it until the end. So it is enough to ask the VFS after the first
    step of the first statement with rows.
    """

    is_verified = False
    """True if the pages that the open transaction reads are known to be verified."""
    _status: sqlite3.Cursor | None = None
    _rows: sqlite3.Cursor
    path: Path

    __init__ = raise_checked_error(sqlite3.Connection.__init__)

    def cursor(self, factory: Any = CheckedCursor) -> Any:
        """Return a new cursor."""
        return super().cursor(factory)

    def begin_verification(self) -> None:
        """Read the header, and refuse unverified rows from now on. Raises ChecksumsMissing."""
        self.execute("PRAGMA schema_version").fetchone()
        self._status, self._rows = super().cursor(sqlite3.Cursor), super().cursor(sqlite3.Cursor)
        self.refuse_unverified()

    @raise_checked_error
    def fetch_all(self, query: str, values: Sequence[str | int | bytes]) -> list[Any]:
        """Return all rows of a query. It is a transaction of its own.

        It takes two thirds of the time of `execute` and `fetchall`.
        """
        rows = self._rows.execute(query, values).fetchall()
        self.refuse_unverified()
        return rows

    def fetch_first(self, query: str, *values: str | int | bytes) -> Any:
        """Return the first row of a query with few rows, as `fetch_all` does; None if there is none."""
        rows = self.fetch_all(query, values)
        return rows[0] if rows else None

    def refuse_unverified(self) -> None:
        """Raise ChecksumsMissing if the VFS does not verify pages. Does nothing before `begin_verification`."""
        if self._status and self._status.execute("PRAGMA checksum_verification").fetchone() != ("1",):
            raise ChecksumsMissing
        self.is_verified = self._status is not None

    def close(self) -> None:
        """Close the connection."""
        self._status = None  # it refers to the connection
        self.__dict__.pop("_rows", None)
        super().close()
