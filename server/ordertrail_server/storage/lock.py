"""The lock of a data directory: one process serves it at a time."""

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from errno import EACCES, EPERM, EROFS
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from ordertrail_server.operator_error import OperatorError

LOCK_FILE = "LOCK"
LOCK_MODE = 0o640


class DataDirectoryRefused(OperatorError):
    """The data directory cannot be served. The message is for its operator: the reason and the remedy."""


class DataDirectoryBusy(DataDirectoryRefused):
    """Another process serves the data directory."""


@contextmanager
def lock_directory(directory: Path) -> Iterator[None]:
    """Hold the directory's lock. The kernel releases it when the process ends, even after a kill.

    Raises DataDirectoryBusy. A process forked meanwhile would hold the lock too: spawn processes instead.
    The file is never removed: otherwise two processes could lock two files with the same name.
    """
    # Python opens files close-on-exec, so programs started meanwhile do not inherit the lock.
    descriptor = _open(directory)
    try:
        _acquire(descriptor, directory)
        _refuse_replaced(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


class DirectoryLock:
    """A directory's lock that is acquired once and held until `stack` is closed, however often `acquire` is called."""

    def __init__(self, stack: ExitStack | AsyncExitStack) -> None:
        self._stack, self._is_held = stack, False

    def acquire(self, directory: Path) -> None:
        """Acquire the lock unless it is held already. Raises DataDirectoryBusy."""
        if not self._is_held:
            self._stack.enter_context(lock_directory(directory))
            self._is_held = True


def is_locked(directory: Path) -> bool:
    """Return whether a process serves the directory. A process that locks it at this moment may fail."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # never served, or the lock file cannot be read
        return False
    try:
        flock(descriptor, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(directory: Path) -> int:
    try:
        return os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, LOCK_MODE)
    except OSError as error:
        if error.errno not in (EACCES, EPERM, EROFS):
            raise
        raise DataDirectoryRefused(
            f"{directory} cannot be written to ({error.strerror}): run the command as the user that serves it."
        ) from error


def _refuse_replaced(descriptor: int, directory: Path) -> None:
    """Raise DataDirectoryBusy if a restore has replaced the directory since its lock file was opened."""
    path, locked = directory / LOCK_FILE, os.fstat(descriptor)
    if not path.exists() or not os.path.samestat(path.stat(), locked):
        raise DataDirectoryBusy(f"{directory} was replaced at this moment, as by a restore. Run the command again.")


def _acquire(descriptor: int, directory: Path) -> None:
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise DataDirectoryBusy(
            f"Another process (pid {holder}) already serves {directory}; one process serves a data directory at a time."
        ) from None
    with suppress(OSError):  # the pid is only informative; a full disk must not prevent the opening of the log
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
