"""Archives: checked files that are written once, without a -wal file, and only read from then on."""

import os
from pathlib import Path

from ordertrail_server.storage.checked.connection import open_checked
from ordertrail_server.storage.checked.cursor import CheckedConnection
from ordertrail_server.storage.checked.empty_database import PAGE_BYTES, build_empty_database
from ordertrail_server.storage.connection import run_pragmas
from ordertrail_server.storage.sqlite import check_sqlite_version, sqlite3

ARCHIVE_MODE = 0o600


class ArchiveDamaged(sqlite3.DatabaseError):
    """The archive is not what was written."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def create_archive(path: Path) -> CheckedConnection:
    """Create an archive, or overwrite the file. The caller closes it, makes it durable, and verifies it."""
    check_sqlite_version()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, ARCHIVE_MODE)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, ARCHIVE_MODE)
        file.write(build_empty_database())
    connection: CheckedConnection = open_checked(path, "rw", CheckedConnection)
    # Each commit is written to the disk, because one fsync of the whole file at the end would delay those of others.
    run_pragmas(connection, "journal_mode = OFF", "synchronous = FULL", "temp_store = MEMORY")
    return connection


def connect_archive(path: Path) -> CheckedConnection:
    """Open an archive read-only. It needs no write permission, and creates no files.

    Raises an error for which `is_damage` is true if it is no archive.
    """
    check_sqlite_version()
    connection: CheckedConnection = open_checked(path, "ro&immutable=1", CheckedConnection)
    run_pragmas(connection, "query_only = ON")
    return connection


def verify_pages(connection: CheckedConnection) -> None:
    """Read and verify every page of an archive. Raises an error for which `is_damage` is true, as ArchiveDamaged."""
    [page_count] = connection.execute("PRAGMA page_count").fetchone()
    if page_count * PAGE_BYTES != connection.path.stat().st_size:
        raise ArchiveDamaged("its size is not that of its pages")
    faults = [text for (text,) in connection.execute("PRAGMA integrity_check(1)") if text != "ok"]
    if faults:
        raise ArchiveDamaged(" ".join(faults[0].split()))
