"""Errors of checked files."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import IOERR_DATA, extended_code, primary_code

P = ParamSpec("P")
T = TypeVar("T")


class PageDamaged(sqlite3.DatabaseError):
    """A page of the file does not fit its checksum."""

    sqlite_errorcode = IOERR_DATA

    def __init__(self) -> None:
        super().__init__("a page does not fit its checksum")


class ChecksumsMissing(sqlite3.DatabaseError):
    """The file's header reserves no bytes for checksums: another program made the file, or the header is damaged."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def __init__(self) -> None:
        super().__init__("its pages have no checksums")


class WalDamaged(sqlite3.DatabaseError):
    """The -wal file contains a frame that does not fit its checksum, or lacks commits."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def __init__(self) -> None:
        super().__init__("its -wal file is damaged")


def raise_checked_error(method: Callable[P, T]) -> Callable[P, T]:
    """Wrap a method of a connection that reports extended codes: it raises PageDamaged, or an error of the usual class.

    Python's module chooses the class by primary codes. It raises DatabaseError for all extended codes.
    """

    @wraps(method)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return method(*arguments, **options)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError or extended_code(error) <= 0xFF:
                raise
            raise _choose_class(error) from None

    return call


def _choose_class(error: sqlite3.DatabaseError) -> sqlite3.DatabaseError:
    if extended_code(error) == IOERR_DATA:
        return PageDamaged()
    classes = {sqlite3.SQLITE_CONSTRAINT: sqlite3.IntegrityError, sqlite3.SQLITE_CORRUPT: sqlite3.DatabaseError}
    renamed = classes.get(primary_code(error), sqlite3.OperationalError)(str(error))
    renamed.sqlite_errorcode = extended_code(error)
    return renamed
