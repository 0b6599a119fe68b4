"""Errors of checked files."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import IOERR_DATA, extended_code, is_damage, primary_code

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")

_FILE = "damaged_file"


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

    def __init__(self, path: Path) -> None:
        super().__init__("its -wal file is damaged")
        self.damaged_file = path


class FileRemoved(sqlite3.DatabaseError):
    """The file is no longer at its path, although connections to it are open."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    def __init__(self, path: Path) -> None:
        super().__init__("it was removed or replaced")
        self.damaged_file = path


def find_damaged_file(error: BaseException) -> Path | None:
    """Return the checked file whose damage caused an error; None if it has another cause."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, sqlite3.Error) and is_damage(cause) and hasattr(cause, _FILE):
            path: Path | None = getattr(cause, _FILE)
            return path
        cause = cause.__cause__
    return None


def raise_checked_error(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Wrap a method of a connection that reports extended codes: it raises PageDamaged, or an error of the usual class.

    Python's module chooses the class by primary codes. It raises DatabaseError for all extended codes. An error that
    means damage names the file (`find_damaged_file`).
    """

    @wraps(method)
    def call(self: S, /, *arguments: P.args, **options: P.kwargs) -> T:
        try:
            return method(self, *arguments, **options)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError or extended_code(error) <= 0xFF:
                _name_file(error, self)
                raise
            renamed = _choose_class(error)
            _name_file(renamed, self)
            raise renamed from None

    return call


def _name_file(error: sqlite3.DatabaseError, owner: Any) -> None:
    if is_damage(error) and not hasattr(error, _FILE):
        connection = owner.connection if isinstance(owner, sqlite3.Cursor) else owner
        error.damaged_file = getattr(connection, "path", None)  # type: ignore[attr-defined]  # our own


def _choose_class(error: sqlite3.DatabaseError) -> sqlite3.DatabaseError:
    if extended_code(error) == IOERR_DATA:
        return PageDamaged()
    classes = {sqlite3.SQLITE_CONSTRAINT: sqlite3.IntegrityError, sqlite3.SQLITE_CORRUPT: sqlite3.DatabaseError}
    renamed = classes.get(primary_code(error), sqlite3.OperationalError)(str(error))
    renamed.sqlite_errorcode = extended_code(error)
    return renamed
