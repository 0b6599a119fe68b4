"""Puts a restored data directory in the place of another one, or of none, in one step.

The new directory is built beside the old one, as `DIR.restoring`. With the exchange of two names (renameat2), DIR is
the old or the new directory at any time. Without it, DIR is missing for a moment: a server that starts then, or after a
kill at that moment, finds `DIR.restoring` and refuses to begin a new log.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ordertrail_server.backup.backup_error import BackupRefused
from ordertrail_server.log.data_directory import find_restore, is_data_directory
from ordertrail_server.storage.database_file import fsync_directory
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.lock import LOCK_FILE, lock_directory
from ordertrail_server.storage.rename import RenameUnsupported, exchange_names

UNFINISHED = "UNFINISHED-RESTORE"
"""A file in a directory that is being built. A directory without it is never removed, because it may be the old one."""


@contextmanager
def build_directory(target: Path) -> Iterator[Path]:
    """Provide a new directory to fill, beside the target. Both are locked. It is removed if the body raises.

    Raises BackupRefused if the target is no data directory, or if another file has the name of the new one,
    DataDirectoryBusy if a process uses it.
    """
    target = target.resolve()
    with ExitStack() as stack:
        if target.exists():
            _refuse_unsuitable(target)
            stack.enter_context(lock_directory(target))
        new = find_restore(target)
        if os.path.lexists(new):
            _refuse_foreign(new)
            with lock_directory(new):
                _clear(new, target)
        create_directory(new)
        stack.enter_context(lock_directory(new))
        (new / UNFINISHED).touch()
        fsync_directory(new)
        try:
            yield new
        except BaseException:
            if (new / UNFINISHED).exists():
                shutil.rmtree(new)
            raise


def switch_directories(new: Path, target: Path) -> Path | None:
    """Give the new directory the name of the target, durably.

    Returns where the old directory is kept; None if there was none, or if it was empty.
    """
    target = target.resolve()
    _sync_files(new)
    (new / UNFINISHED).unlink()
    fsync_directory(new)
    if not target.exists():
        new.rename(target)
        fsync_directory(target.parent)
        return None
    former = _find_former_name(target)
    _replace(target, new, former)
    if all(path.name == LOCK_FILE for path in former.iterdir()):
        shutil.rmtree(former)
        return None
    return former


def _replace(target: Path, new: Path, former: Path) -> None:
    """Rename the target to `former`, and the new directory to the target."""
    try:
        exchange_names(new, target)
    except RenameUnsupported:
        target.rename(former)
        new.rename(target)
    else:
        fsync_directory(target.parent)
        new.rename(former)
    fsync_directory(target.parent)


def _refuse_unsuitable(target: Path) -> None:
    if not target.is_dir():
        raise BackupRefused(f"{target} is not a directory: name a data directory, or a new one.")
    if os.path.ismount(target):
        raise BackupRefused(
            f"{target} is a mount point, which cannot be replaced: restore into a new directory below it, and serve "
            "that one."
        )
    if not is_data_directory(target):
        raise BackupRefused(f"{target} holds other files and no log: name a data directory, or a new one.")


def _refuse_foreign(new: Path) -> None:
    if new.is_symlink() or not new.is_dir():
        raise BackupRefused(f"{new} is no directory, so no restore has left it: move it away.")


def _clear(new: Path, target: Path) -> None:
    """Remove what an interrupted restore has left, or keep it if it is a complete data directory."""
    if (new / UNFINISHED).exists() or not any(path.name != LOCK_FILE for path in new.iterdir()):
        shutil.rmtree(new)
    else:
        new.rename(_find_former_name(target))
    fsync_directory(target.parent)


def _find_former_name(target: Path) -> Path:
    begin = f"{target.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (begin, *(f"{begin}-{number}" for number in range(2, 1_000)))
    return next(path for path in map(target.with_name, names) if not path.exists())


def _sync_files(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    fsync_directory(directory)
