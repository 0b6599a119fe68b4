"""The folder of an export. A file gets its name when all files are complete and durable; until then it is *.partial.

The summary gets its name last. So a folder with a summary holds the files that it describes, and no export that was
killed looks complete.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ordertrail_server.export.export_error import ExportRefused
from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.export.table import TABLES, Table
from ordertrail_server.storage.connection import FILE_MODE
from ordertrail_server.storage.database_file import fsync_directory
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.locked_file import create_locked

SUMMARY = "export.json"
PARTIAL_SUFFIX = ".partial"
BUFFER_BYTES = 1 << 20


class TargetFolder:
    """The folder of one export, which no other export writes to meanwhile."""

    def __init__(self, path: Path, file_format: FileFormat, summary: IO[bytes]) -> None:
        self._path, self._summary = path, summary
        self._files = {table: _find(path, table, file_format) for table in TABLES}

    @contextmanager
    def create_file(self, table: Table) -> Iterator[IO[bytes]]:
        """Create the partial file of a table, and make it durable at the end. Raises OSError that names the file."""
        partial = _partial(self._files[table])
        partial.unlink(missing_ok=True)
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            with open(descriptor, "wb", BUFFER_BYTES) as file:
                yield file
                _make_durable(file)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(partial)) from error

    def complete(self, summary: bytes) -> None:
        """Give all files their names. Files of an earlier export in the folder are replaced or removed.

        Raises ExportRefused and OSError. If a file cannot be renamed, the folder is left without a summary.
        """
        try:
            self._summary.write(summary)
            _make_durable(self._summary)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(_partial(self._path / SUMMARY))) from error
        _refuse_directories(self._path)
        (self._path / SUMMARY).unlink(missing_ok=True)
        fsync_directory(self._path)  # or the files of two exports could be left with a summary after a power cut
        for file in set(_target_files(self._path)) - {*self._files.values()}:
            file.unlink(missing_ok=True)
        for file in self._files.values():
            _partial(file).replace(file)
        fsync_directory(self._path)
        _partial(self._path / SUMMARY).replace(self._path / SUMMARY)
        fsync_directory(self._path)

    def remove_partial_files(self) -> None:
        """Remove the files that are not complete."""
        for file in (*self._files.values(), self._path / SUMMARY):
            with suppress(OSError):
                _partial(file).unlink()


@contextmanager
def open_target_folder(path: Path, file_format: FileFormat, *, replaces: bool) -> Iterator[TargetFolder]:
    """Open or create the folder for one export, and remove the partial files if the body raises an error.

    Raises ExportRefused if it holds an export and `replaces` is false, or if another export writes to it; OSError.
    """
    create_directory(path)
    with _lock_summary(path) as summary:
        folder = TargetFolder(path, file_format, summary)
        try:
            if not replaces:
                _refuse_existing(path)
            _refuse_directories(path)
            _remove_leftover_files(path)
            yield folder
        except BaseException:
            folder.remove_partial_files()
            raise


@contextmanager
def _lock_summary(path: Path) -> Iterator[IO[bytes]]:
    try:
        descriptor = create_locked(_partial(path / SUMMARY), FILE_MODE)
    except BlockingIOError:  # the other export may have ended at this moment
        raise ExportRefused(f"Another export writes to {path}. Wait for its end, or use another folder.") from None
    with open(descriptor, "wb") as file:
        yield file


def _refuse_existing(path: Path) -> None:
    existing = [file.name for file in (path / SUMMARY, *_target_files(path)) if file.exists()]
    if existing:
        raise ExportRefused(
            f"{path} already holds {', '.join(existing)}. Use another folder, or replace its export with --replace."
        )


def _refuse_directories(path: Path) -> None:
    for file in (path / SUMMARY, *_target_files(path)):
        if file.is_dir() and not file.is_symlink():
            raise ExportRefused(f"{file} is a directory, so no file can replace it. Use another folder.")


def _remove_leftover_files(path: Path) -> None:
    """Remove what a killed export of any format left. The caller holds the lock."""
    for file in _target_files(path):
        _partial(file).unlink(missing_ok=True)


def _target_files(path: Path) -> list[Path]:
    return [_find(path, table, file_format) for table in TABLES for file_format in FileFormat]


def _find(path: Path, table: Table, file_format: FileFormat) -> Path:
    return path / f"{table.name}.{file_format.value}"


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}{PARTIAL_SUFFIX}")


def _make_durable(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
