"""The SQLite library that is safe to use."""

from typing import TYPE_CHECKING

from ordertrail_server.operator_error import OperatorError

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

__all__ = ["UnsafeSqliteVersion", "check_sqlite_version", "sqlite3"]

MIN_VERSION = (3, 51, 3)


class UnsafeSqliteVersion(OperatorError):
    """The installed SQLite can lose or damage committed data."""


def check_sqlite_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise UnsafeSqliteVersion for a version with the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""
    if version < MIN_VERSION:
        raise UnsafeSqliteVersion(
            f"SQLite {'.'.join(map(str, version))} has the WAL-reset bug: it can lose or damage committed data "
            f"while two connections use one file. Ordertrail needs {'.'.join(map(str, MIN_VERSION))} or newer, "
            "which the packages pysqlite3 (0.6.1 or newer) and arize-phoenix-sqlean (0.2.1 or newer) carry."
        )
