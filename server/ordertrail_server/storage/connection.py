"""The connections to an SQLite file: one writer, and any number of readers.

The rule: a file has exactly one writer connection, and it alone checkpoints. Readers never hold a transaction open
between calls, so that the write-ahead log stays short. A process must not open such a file by other means while it
has connections to it, not even to copy it, because closing any descriptor drops SQLite's locks
(sqlite.org/howtocorrupt.html, section 2.2).
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from ordertrail_server.storage.bulk_insert import ROWS_A_STATEMENT
from ordertrail_server.storage.sqlite import check_sqlite_version, sqlite3
from ordertrail_server.storage.sqlite_error import raise_descriptor_shortage, raise_text_damage

Connection = sqlite3.Connection

BUSY_SECONDS = 5.0
# The mode of a new file, reduced by the umask. SQLite gives the -wal and -shm files the same mode.
FILE_MODE = 0o640
# Each number of rows has its own statement, which is prepared once.
PREPARED_STATEMENTS = 4 * ROWS_A_STATEMENT


def connect_writer(path: Path, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> Connection:
    """Open or create the file for its only writer. Transactions are explicit: see `transaction`.

    With FULL a commit is durable when it returns. With NORMAL a power cut may undo the last commits.
    """
    check_sqlite_version()
    _create_private(path)
    return run_pragmas(open_connection(path, "rw"), "journal_mode = WAL", f"synchronous = {synchronous}")


def connect_reader(path: Path) -> Connection:
    """Open an existing file read-only. The connection refuses to write, and never checkpoints."""
    check_sqlite_version()
    return run_pragmas(open_connection(path, "ro"), "query_only = ON", "wal_autocheckpoint = 0")


def connect_immutable(path: Path) -> Connection:
    """Open a file that does not change while it is read. Ignores its -wal file, and the commits there."""
    check_sqlite_version()
    return run_pragmas(open_connection(path, "ro&immutable=1"), "query_only = ON")


class Cursor(sqlite3.Cursor):
    """A cursor that reports damaged text."""

    execute = raise_text_damage(sqlite3.Cursor.execute)
    executemany = raise_text_damage(sqlite3.Cursor.executemany)
    executescript = raise_text_damage(sqlite3.Cursor.executescript)
    fetchone = raise_text_damage(sqlite3.Cursor.fetchone)
    fetchall = raise_text_damage(sqlite3.Cursor.fetchall)

    @raise_text_damage
    def __next__(self) -> Any:
        return super().__next__()


class ReportingConnection(sqlite3.Connection):
    """A connection whose cursors report damaged text."""

    def cursor(self, factory: Any = Cursor) -> Any:
        """Return a new cursor."""
        return super().cursor(factory)


def open_connection(
    path: Path, mode: str, factory: type[Connection] = ReportingConnection, vfs: str = "unix", **options: Any
) -> Connection:
    """Open a connection without any settings. `mode` and `vfs` are SQLite's, `options` those of Python's module."""
    # Callers pass a connection from thread to thread. Isolation level None leaves BEGIN to them. The VFS has a name
    # because an extension may change the default (see checked.vfs).
    with raise_descriptor_shortage():
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}&vfs={vfs}",
            BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=factory,
            cached_statements=PREPARED_STATEMENTS,
            uri=True,
            **options,
        )


def run_pragmas(connection: Connection, *pragmas: str) -> Connection:
    """Run the settings of a new connection and return it. Closes it if one fails."""
    try:
        with raise_descriptor_shortage():
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(path: Path) -> None:
    # SQLite would create a file that everybody may read. An existing file, which may be in use, is not opened here.
    with raise_descriptor_shortage(), suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
