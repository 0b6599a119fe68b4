"""The lock of a data directory: one process serves it at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

LOCK_FILE = "LOCK"
LOCK_MODE = 0o640


class DataDirectoryRefused(Exception):
    """The data directory cannot be served; the message is for its operator and says why, and what to do."""


class DataDirectoryBusy(DataDirectoryRefused):
    """Another process serves the data directory."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the kernel releases it with the process, however that ends.

    Raises DataDirectoryBusy. A process forked meanwhile would hold the lock too: spawn processes instead.
    The file stays: removing it would let two processes lock two files of one name.
    """
    # Python opens files close-on-exec, so programs started meanwhile do not inherit the lock.
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, LOCK_MODE)
    try:
        _take(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, directory: Path) -> None:
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise DataDirectoryBusy(
            f"Another process (pid {holder}) already serves {directory}; one process serves a data directory at a time."
        ) from None
    with suppress(OSError):  # the pid only informs, and a full disk must not keep anyone from opening the log
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
