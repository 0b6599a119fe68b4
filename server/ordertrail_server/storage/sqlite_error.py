"""Errors of SQLite: what they mean, and those that SQLite's module hides or lacks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from ordertrail_server.storage.descriptors import describe_shortage, lacks_descriptors
from ordertrail_server.storage.sqlite import sqlite3

P = ParamSpec("P")
T = TypeVar("T")

# The checksum VFS reports a page that does not fit its checksum with this extended code.
IOERR_DATA = 8202

# The file, its write-ahead log and its index, and briefly a lock or a directory. The failed connection may have closed
# as many before they are counted.
FILES_OF_A_CONNECTION = 8


class OutOfDescriptors(sqlite3.OperationalError):
    """SQLite could not open a file because no file descriptors are left. SQLite itself does not report this cause."""


class TextDamaged(sqlite3.DatabaseError):
    """The file contains text that is not UTF-8, and that was not stored."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def __init__(self) -> None:
        super().__init__("it contains text that is not UTF-8")


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error (sqlite.org/rescode.html); 0 if SQLite itself did not raise it."""
    return extended_code(error) & 0xFF


def extended_code(error: sqlite3.Error) -> int:
    """Return the result code of an error. Only checked connections report extended codes; others, primary codes."""
    return getattr(error, "sqlite_errorcode", 0)


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means that the file is damaged. Other errors may be temporary."""
    return extended_code(error) == IOERR_DATA or primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def may_pass(error: BaseException) -> bool:
    """Return whether an error has a cause outside the statement and the file that may pass, such as a full disk."""
    return (
        isinstance(error, sqlite3.OperationalError)
        and not is_damage(error)
        and primary_code(error) > sqlite3.SQLITE_ERROR
    )


def is_in_use(error: sqlite3.Error) -> bool:
    """Return whether an error means that another connection blocks the call."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


@contextmanager
def raise_descriptor_shortage() -> Iterator[None]:
    """Raise OutOfDescriptors in place of an error whose cause is a lack of file descriptors."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        if lacks_descriptors(FILES_OF_A_CONNECTION):
            shortage = OutOfDescriptors(describe_shortage())
            shortage.sqlite_errorcode = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN)
            raise shortage from error
        raise


def raise_text_damage(method: Callable[P, T]) -> Callable[P, T]:
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
