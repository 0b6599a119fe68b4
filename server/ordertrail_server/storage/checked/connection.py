"""Connections to a checked file: an SQLite file whose pages are verified whenever they are read from it.

The rules of `connection` hold here too. What is verified, and what is not: docs/decisions/0030.
"""

from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Literal

from ordertrail_server.storage.checked.cursor import CheckedConnection
from ordertrail_server.storage.checked.file import create_checked_file
from ordertrail_server.storage.checked.vfs import NAME, load_checksum_vfs
from ordertrail_server.storage.checked.wal import begin_checkpoint, refuse_damaged_commits, refuse_damaged_wal
from ordertrail_server.storage.connection import Connection, open_connection, run_pragmas
from ordertrail_server.storage.sqlite import check_sqlite_version, sqlite3

# sqlite.org/c3ref/c_open_autoproxy.html. The second flag requests extended codes, without which a damaged page looks
# like a full disk. Python's module has no name for it.
OPEN_FLAGS = 0x00000002 | 0x02000000


def connect_checked_writer(path: Path, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> Connection:
    """Open or create a checked file for its only writer, as `connection.connect_writer` does for other files.

    Nothing checkpoints by itself: see `CheckedCheckpoints`. If the last commits are damaged, and no checkpoint has
    begun to move them, the file is as of the commit before them. Raises an error for which `is_damage` is true if the
    file has no checksums or its -wal file is damaged, ChecksumVfsMissing.
    """
    check_sqlite_version()
    if path.exists():
        refuse_damaged_wal(path)
    else:
        create_checked_file(path)
    pragmas = ("journal_mode = WAL", f"synchronous = {synchronous}", "wal_autocheckpoint = 0", "journal_size_limit = 0")
    connection = run_pragmas(open_checked(path, "rw", _CheckedWriter), *pragmas)
    try:
        # Another connection may be open, so that there was no recovery.
        refuse_damaged_commits(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_checked_reader(path: Path) -> CheckedConnection:
    """Open an existing checked file read-only. The connection refuses to write, and never checkpoints.

    Raises an error for which `is_damage` is true if the file has no checksums or its -wal file is damaged,
    ChecksumVfsMissing.
    """
    check_sqlite_version()
    refuse_damaged_wal(path)  # the first connection after a crash recovers it
    connection: CheckedConnection = open_checked(path, "ro", CheckedConnection)
    run_pragmas(connection, "query_only = ON", "wal_autocheckpoint = 0")
    return connection


class _CheckedWriter(CheckedConnection):
    def close(self) -> None:
        """Close the connection. The last one checkpoints when it is closed, but not if the -wal file is damaged."""
        try:
            begin_checkpoint(self, self.path)
        except sqlite3.ProgrammingError:  # it is closed already
            return
        except (sqlite3.Error, OSError):
            self._close_without_checkpoint()
        super().close()

    def _close_without_checkpoint(self) -> None:
        # SQLite checkpoints when the last connection is closed, unless that is read-only.
        with closing(open_connection(self.path, "ro")) as reader:
            with suppress(sqlite3.Error):
                reader.execute("PRAGMA schema_version").fetchone()
            super().close()


def open_checked(path: Path, mode: str, factory: type[CheckedConnection]) -> Any:
    """Open a connection through the checksum VFS, without any settings; `mode` is SQLite's. Raises ChecksumsMissing."""
    load_checksum_vfs()
    connection: Any = open_connection(path, mode, factory, NAME, flags=OPEN_FLAGS)
    connection.path = path
    try:
        connection.begin_verification()
    except BaseException:
        sqlite3.Connection.close(connection)
        raise
    return connection
