"""The files of an SQLite database, and their removal."""

import os
from pathlib import Path

MOVED_FRAMES_SUFFIX = "-moved"
"""The suffix of the file that `checked.moved_frames` keeps beside a checked file."""

SUFFIXES = ("", "-wal", "-shm", "-journal")


def database_files(path: Path) -> tuple[Path, ...]:
    """Return the file of a database and the auxiliary files that SQLite may keep beside it."""
    return tuple(path.with_name(f"{path.name}{suffix}") for suffix in SUFFIXES)


def remove_database(path: Path) -> None:
    """Remove a closed database durably, with its auxiliary files. Does nothing if there is none.

    The file goes first, because without its -wal file it would look sound and lack commits.
    """
    files = (*database_files(path), path.with_name(f"{path.name}{MOVED_FRAMES_SUFFIX}"))
    existing_files = [file for file in files if file.exists()]
    for file in existing_files:
        file.unlink()
    if existing_files:
        fsync_directory(path.parent)


def fsync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
