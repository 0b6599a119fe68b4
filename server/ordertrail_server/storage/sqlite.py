"""The SQLite library that is safe to use, and the two kinds of connections to a file.

The rule: a file has exactly one writer connection, and it alone checkpoints. Readers never hold a transaction open
between calls, so that the write-ahead log stays short. A process must not open such a file by other means while it
has connections to it, not even to copy it, because closing any descriptor drops SQLite's locks
(sqlite.org/howtocorrupt.html, section 2.2).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.descriptors import describe_shortage, lacks_descriptors

if TYPE_CHECKING:  # the same module, with types
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ModuleNotFoundError:
        try:
            from sqlean import dbapi2 as sqlite3  # where pysqlite3 has no wheel
        except ModuleNotFoundError:
            raise ModuleNotFoundError("no package that carries SQLite is installed", name="pysqlite3") from None

__all__ = [
    "OutOfDescriptors",
    "check_sqlite_version",
    "checkpoint",
    "connect_immutable",
    "connect_reader",
    "connect_writer",
    "insert_rows",
    "is_damage",
    "is_in_use",
    "name_descriptor_shortage",
    "primary_code",
    "sqlite3",
]

P = ParamSpec("P")
T = TypeVar("T")

MIN_VERSION = (3, 51, 3)
BUSY_SECONDS = 5.0
# The mode of a new file, reduced by the umask. SQLite gives the -wal and -shm files the same mode.
FILE_MODE = 0o640
# The file, its write-ahead log and its index, and briefly a lock or a directory.
FILES_OF_A_CONNECTION = 4
ROWS_A_STATEMENT = 64
# Each number of rows has its own statement, which is prepared once.
PREPARED_STATEMENTS = 4 * ROWS_A_STATEMENT


class UnsafeSqliteVersion(OperatorError):
    """The installed SQLite can lose or damage committed data."""


class CheckpointBlocked(sqlite3.OperationalError):
    """A reader blocked a checkpoint. The file itself is sound."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


class OutOfDescriptors(sqlite3.OperationalError):
    """SQLite could not open a file because the process has no file descriptors left. SQLite itself hides this cause."""


class TextDamaged(sqlite3.DatabaseError):
    """The file contains text that is not UTF-8, which nobody stored."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def __init__(self) -> None:
        super().__init__("it contains text that is not UTF-8")


def _raise_text_damage(method: Callable[P, T]) -> Callable[P, T]:
    """Wrap a method of a cursor, so that it raises TextDamaged for text that is not UTF-8.

    A message of SQLite may quote such text from the file's schema. Python's module then raises UnicodeDecodeError. For
    such text in a column, it raises an error that has no code and quotes all of the text.
    """

    @wraps(method)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return method(*arguments, **options)
        except UnicodeDecodeError:
            raise TextDamaged from None
        except sqlite3.OperationalError as error:
            if primary_code(error) == 0 and "decode to UTF-8" in str(error):
                raise TextDamaged from None
            raise

    return call


class _Cursor(sqlite3.Cursor):
    execute = _raise_text_damage(sqlite3.Cursor.execute)
    executemany = _raise_text_damage(sqlite3.Cursor.executemany)
    executescript = _raise_text_damage(sqlite3.Cursor.executescript)
    fetchone = _raise_text_damage(sqlite3.Cursor.fetchone)
    fetchall = _raise_text_damage(sqlite3.Cursor.fetchall)

    @_raise_text_damage
    def __next__(self) -> Any:
        return super().__next__()


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


def check_sqlite_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise UnsafeSqliteVersion for a version with the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""
    if version < MIN_VERSION:
        raise UnsafeSqliteVersion(
            f"SQLite {'.'.join(map(str, version))} has the WAL-reset bug: it can lose or damage what was committed "
            f"while two connections use one file. Ordertrail needs {'.'.join(map(str, MIN_VERSION))} or newer, "
            "as the packages pysqlite3 (0.6.1 or newer) and arize-phoenix-sqlean (0.2.1 or newer) carry it."
        )


def connect_writer(path: Path, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> sqlite3.Connection:
    """Open or create the file for its only writer. Transactions are explicit (BEGIN IMMEDIATE).

    With FULL a commit is durable when it returns. With NORMAL a power cut may undo the last commits.
    """
    check_sqlite_version()
    _create_private(path)
    return _run_pragmas(_connect(path, "rw"), "journal_mode = WAL", f"synchronous = {synchronous}")


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file read-only. The connection refuses to write, and never checkpoints."""
    check_sqlite_version()
    return _run_pragmas(_connect(path, "ro"), "query_only = ON", "wal_autocheckpoint = 0")


def connect_immutable(path: Path) -> sqlite3.Connection:
    """Open a file that does not change while it is read. Ignores its -wal file, and the commits there."""
    check_sqlite_version()
    return _run_pragmas(_connect(path, "ro&immutable=1"), "query_only = ON")


def checkpoint(connection: sqlite3.Connection, patience_s: float = BUSY_SECONDS) -> None:
    """Move the whole write-ahead log into the file, durably, and truncate it. For the file's writer only.

    Raises CheckpointBlocked if a reader blocks it for longer than `patience_s`, sqlite3.OperationalError.
    """
    _set_busy_timeout(connection, patience_s)
    try:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        _set_busy_timeout(connection, BUSY_SECONDS)
    if busy:
        raise CheckpointBlocked("another process keeps reading, so the write-ahead log cannot be emptied")


def insert_rows(connection: sqlite3.Connection, insert: str, rows: Sequence[Sequence[object]]) -> None:
    """Run `insert` ("INSERT INTO table") for rows of equal width, many rows with each statement.

    executemany releases and takes the GIL for every row. Beside a busy thread, that costs more than the row.
    """
    for begin in range(0, len(rows), ROWS_A_STATEMENT):
        chunk = rows[begin : begin + ROWS_A_STATEMENT]
        row = f"({', '.join('?' * len(chunk[0]))})"
        connection.execute(f"{insert} VALUES {', '.join([row] * len(chunk))}", list(chain.from_iterable(chunk)))


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error (sqlite.org/rescode.html); 0 if SQLite itself did not raise it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means that the file is damaged. Other errors may be temporary."""
    return primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_in_use(error: sqlite3.Error) -> bool:
    """Return whether an error means that another connection blocks the call."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def _set_busy_timeout(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


def _create_private(path: Path) -> None:
    # SQLite would create a file that everybody may read. An existing file, which may be in use, is not opened here.
    with name_descriptor_shortage(), suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))


@contextmanager
def name_descriptor_shortage() -> Iterator[None]:
    """Turn an error that is caused by a lack of file descriptors into OutOfDescriptors."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        if lacks_descriptors(FILES_OF_A_CONNECTION):
            shortage = OutOfDescriptors(describe_shortage())
            shortage.sqlite_errorcode = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN)
            raise shortage from error
        raise


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Callers pass a connection from thread to thread. Isolation level None leaves BEGIN to them.
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with name_descriptor_shortage():
        return sqlite3.connect(
            uri,
            BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
            cached_statements=PREPARED_STATEMENTS,
            uri=True,
        )


def _run_pragmas(connection: sqlite3.Connection, *pragmas: str) -> sqlite3.Connection:
    try:
        with name_descriptor_shortage():
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection
