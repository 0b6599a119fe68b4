"""Creates checked files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from ordertrail_server.storage.checked.empty_database import build_empty_database
from ordertrail_server.storage.checked.moved_frames import NONE, write_moved_frames
from ordertrail_server.storage.connection import FILE_MODE
from ordertrail_server.storage.database_file import remove_database
from ordertrail_server.storage.sqlite_error import raise_descriptor_shortage


def create_checked_file(path: Path) -> None:
    """Create an empty database whose pages have room for checksums, unless another process has just created it.

    The file gets its name when it is complete, so no reader sees it without checksums.
    """
    with _lock(path.parent):  # two preparations may create the same file at once
        if not path.exists():
            _create(path)


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold a lock on the directory itself, which the kernel releases when the process ends."""
    with raise_descriptor_shortage():
        descriptor = os.open(directory, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    # SQLite would apply an old -wal file to the new file.
    remove_database(path)
    new_file = path.with_name(f"{path.name}-new")
    new_file.unlink(missing_ok=True)
    with raise_descriptor_shortage():
        descriptor = os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with open(descriptor, "wb") as file:
        file.write(build_empty_database())
        file.flush()
        os.fsync(descriptor)
    write_moved_frames(path, NONE)
    new_file.rename(path)
