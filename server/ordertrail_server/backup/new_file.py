"""A file that gets its name when it is complete, and never replaces another one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ordertrail_server.backup.backup_error import BackupRefused
from ordertrail_server.storage.checked.archive import ARCHIVE_MODE
from ordertrail_server.storage.database_file import fsync_directory
from ordertrail_server.storage.locked_file import create_locked
from ordertrail_server.storage.rename import rename_to_unused


@contextmanager
def create_new_file(target: Path) -> Iterator[Path]:
    """Provide the path of a file, `….partial`, that is durable and has the name `target` after the body.

    The partial file is removed if the body raises. One that a kill has left is replaced. Raises BackupRefused if the
    target exists, or if another process creates it.
    """
    partial = target.with_name(f"{target.name}.partial")
    _refuse_existing(target)
    descriptor = _create(partial)
    try:
        yield partial
        os.fsync(descriptor)
        rename_to_unused(partial, target)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            _refuse_existing(target)
        raise
    finally:
        os.close(descriptor)
    fsync_directory(target.parent)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):  # also a link to nothing
        raise BackupRefused(f"{target} exists, and a backup replaces no file: name a new one.")


def _create(partial: Path) -> int:
    try:
        return create_locked(partial, ARCHIVE_MODE)
    except BlockingIOError:
        raise BackupRefused(f"Another process writes {partial}: wait until it ends, or name another file.") from None
