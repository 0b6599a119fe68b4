"""Files that one process at a time writes, in a folder where others may create files too."""

import os
from contextlib import suppress
from errno import ELOOP
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path


def create_locked(path: Path, mode: int) -> int:
    """Create a file and lock it; return its descriptor. The lock ends with the process.

    What has the name, such as the file of a process that was killed, is removed and not written to: it could be a link,
    or readable by others. Raises BlockingIOError if another process writes the file, OSError.
    """
    _remove_leftover(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise BlockingIOError(error.errno, error.strerror, str(path)) from error
    try:
        _lock(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _remove_leftover(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != ELOOP:
            raise
        path.unlink()  # a link
        return
    try:
        _lock(descriptor, path)
        path.unlink()
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    flock(descriptor, LOCK_EX | LOCK_NB)
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return
    raise BlockingIOError  # another process has replaced the file since it was opened
