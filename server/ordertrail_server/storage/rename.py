"""Atomic renames that POSIX lacks (renameat2(2) of Linux)."""

import ctypes
import os
from collections.abc import Callable
from errno import EINVAL, ENOSYS, ENOTSUP
from functools import cache
from pathlib import Path

NO_REPLACE, EXCHANGE = 1, 2
"""Flags of renameat2."""

_CURRENT_DIRECTORY = -100  # AT_FDCWD
_UNSUPPORTED = (EINVAL, ENOSYS, ENOTSUP)


class RenameUnsupported(OSError):
    """The system or the file system has no such rename. Nothing was changed."""


def rename_to_unused(source: Path, target: Path) -> None:
    """Rename a file. Raises FileExistsError if the target exists.

    Where the system has no such rename, a file that is created at the same moment is replaced.
    """
    try:
        _rename(source, target, NO_REPLACE)
    except RenameUnsupported:
        if target.exists():
            raise FileExistsError(f"{target} is there already") from None
        source.rename(target)


def exchange_names(first: Path, second: Path) -> None:
    """Exchange the names of two files or directories in one step. Raises RenameUnsupported."""
    _rename(first, second, EXCHANGE)


def _rename(source: Path, target: Path, flag: int) -> None:
    renameat2 = _load()
    if renameat2 is None:
        raise RenameUnsupported
    paths = os.fsencode(source), os.fsencode(target)
    if renameat2(_CURRENT_DIRECTORY, paths[0], _CURRENT_DIRECTORY, paths[1], flag) == 0:
        return
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        raise RenameUnsupported
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@cache
def _load() -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
