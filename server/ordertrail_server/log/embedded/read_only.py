"""Reads an embedded log that this process may not write to, as another user or on a read-only mount.

SQLite needs the -shm file to read a file in WAL mode. If it exists, as beside a running server or after a kill, SQLite
need not write to it. If it is missing, SQLite would have to create it. In that case no process has the file open, and

- without commits in the -wal file, the file alone is the log, and can be opened as immutable;
- with commits in the -wal file, a private copy of both is read, because SQLite would ignore those commits otherwise.

A result is only returned if the files have not changed during the read, because a server may have started meanwhile.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self, TypeVar, TypeVarTuple

from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.storage.connection import connect_immutable, connect_reader
from ordertrail_server.storage.database_file import database_files
from ordertrail_server.storage.lock import DataDirectoryRefused, is_locked
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import primary_code

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class File(NamedTuple):
    """The attributes of a file that a write changes."""

    inode: int
    size: int
    changed_ns: int


Files = tuple[File | None, ...]


def is_readable_in_place(path: Path) -> bool:
    """Return whether SQLite can read the file without creating its -shm file.

    Raises DataDirectoryRefused if a server has the file open whose -shm file cannot be used.
    """
    connection = _connect_in_place(path)
    if connection is not None:
        connection.close()
        return True
    if is_locked(path.parent):
        raise DataDirectoryRefused(
            f"A server uses {path.parent}, and this process cannot use its file {path.name}-shm."
        )
    return False


def refuse_unreadable(path: Path) -> None:
    """Raise DataDirectoryRefused if this process may not read the file, or an auxiliary file of SQLite beside it."""
    for file in _with_auxiliary_files(path):
        try:
            os.stat(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DataDirectoryRefused(
                f"{file} cannot be read ({error.strerror}): run as a user who may read it."
            ) from error
        if not os.access(file, os.R_OK):
            raise _cannot_be_read(file, "Permission denied")


def _cannot_be_read(file: Path, cause: str) -> DataDirectoryRefused:
    return DataDirectoryRefused(f"{file} cannot be read ({cause}): run as a user who may read it.")


class ReadOnlyReaders:
    """Runs queries like ReadPool, but each on a new connection, because a server may start or stop in between."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copied: Files = ()
        self._stack = ExitStack()
        self._copy: Path | None = None

    async def run(self, query: Callable[[sqlite3.Connection, *Arguments], T], *arguments: *Arguments) -> T:
        """Return what the query returns. Raises the errors of `run_blocking`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self.run_blocking, query, *arguments)

    def run_blocking(self, query: Callable[[sqlite3.Connection, *Arguments], T], *arguments: *Arguments) -> T:
        """Return what the query returns, in the calling thread. Raises LogUnavailable if the files change meanwhile."""
        connection = _connect_in_place(self._path)
        if connection is not None:  # a server has started meanwhile
            with closing(connection):
                return query(connection, *arguments)
        before = _files(self._path)
        with closing(self._connect_frozen(before)) as connection:
            try:
                return query(connection, *arguments)
            finally:
                if _files(self._path) != before:
                    raise LogUnavailable(f"{self._path} is written to by a server that has just started or stopped")

    def _connect_frozen(self, files: Files) -> sqlite3.Connection:
        _, wal, _ = files
        if wal is None or wal.size == 0:
            return connect_immutable(self._path)
        return connect_reader(self._private_copy(files))

    def _private_copy(self, files: Files) -> Path:
        if self._copy is None or self._copied != files:
            try:
                self._stack.close()
                directory = Path(self._stack.enter_context(TemporaryDirectory(prefix="ordertrail-")))
                for file in _with_auxiliary_files(self._path)[:2]:
                    shutil.copyfile(file, directory / file.name)
            except OSError as error:
                raise LogUnavailable(f"no private copy of {self._path} could be created: {error}") from error
            self._copy, self._copied = directory / self._path.name, files
        return self._copy

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _connect_in_place(path: Path) -> sqlite3.Connection | None:
    """Return a connection that can read the file, None if the -shm file would have to be created first."""
    connection = connect_reader(path)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if primary_code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return None
        raise
    return connection


def _with_auxiliary_files(path: Path) -> tuple[Path, Path, Path]:
    main, wal, shm, _ = database_files(path)  # a log in WAL mode has no journal
    return main, wal, shm


def _files(path: Path) -> Files:
    return tuple(map(_file, _with_auxiliary_files(path)))


def _file(path: Path) -> File | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return File(status.st_ino, status.st_size, status.st_mtime_ns)
