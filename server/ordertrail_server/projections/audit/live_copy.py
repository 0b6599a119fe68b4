"""Copies a live generation into the directory of an audit, as of one position of the log.

A comparison reads every row, which takes long. If it read the live file itself, that file's -wal file would grow until
its end. The copy is one short read transaction, and its pages are verified as they are read.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ordertrail_server.projections.projection_file import POSITIONS
from ordertrail_server.storage.checked.connection import connect_checked_reader, connect_checked_writer
from ordertrail_server.storage.checked.error import PageDamaged, find_damaged_file
from ordertrail_server.storage.connection import Connection, run_pragmas
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import TextDamaged, is_damage

PAGES = 4_096
"""How many pages are copied at once."""


class LiveDamaged(Exception):
    """The file of a live generation is damaged."""

    def __init__(self, path: Path, damage: str) -> None:
        super().__init__(damage)
        self.path = path


def copy_live_file(path: Path, copy: Path) -> dict[int, int]:
    """Copy a live generation, and return its position: {partition: next offset}.

    Raises LiveDamaged, sqlite3.Error, OSError.
    """
    # Without a journal, because a copy that is not complete is not used.
    with closing(connect_checked_writer(copy, "NORMAL")) as target:
        run_pragmas(target, "journal_mode = OFF", "synchronous = OFF")
        with reporting_damage(path), closing(connect_checked_reader(path)) as live:
            live.execute("BEGIN")
            offsets = {partition: offset for partition, offset, *_ in live.execute(POSITIONS)}
            _copy_pages(live, target)
            live.execute("COMMIT")
    return offsets


def _copy_pages(live: Connection, target: Connection) -> None:
    try:
        live.backup(target, pages=PAGES)
    except sqlite3.OperationalError as error:
        # The error has no code, so it does not tell which of the files fails, nor why.
        if live.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise PageDamaged from error
        raise


def read_live_offsets(path: Path) -> dict[int, int]:
    """Return the present position of a live generation. Raises LiveDamaged, sqlite3.Error."""
    with reporting_damage(path), closing(connect_checked_reader(path)) as live:
        return {partition: offset for partition, offset, *_ in live.execute(POSITIONS)}


@contextmanager
def reporting_damage(path: Path) -> Iterator[None]:
    """Raise LiveDamaged for an error of SQLite in the body that means damage."""
    try:
        yield
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        raise LiveDamaged(path, str(error)) from error


class FileInconsistent(sqlite3.DatabaseError):
    """The pages of a file fit their checksums, but not one another."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"it is inconsistent: {detail}")
        self.damaged_file = path
        self.sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def refuse_inconsistent(connection: Connection, path: Path) -> None:
    """Raise FileInconsistent if, for example, an index lacks a row, which queries would then not find."""
    [detail] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if detail != "ok":
        raise FileInconsistent(path, detail)


@contextmanager
def reporting_copy_damage(copy: Path, path: Path) -> Iterator[None]:
    """Raise LiveDamaged for damage of a copy, which was copied with its live generation: its pages fit their checksums.

    It is text that is not UTF-8, or a page that SQLite did not write.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, TextDamaged) or find_damaged_file(error) == copy:
            raise LiveDamaged(path, str(error)) from error
        raise
