"""Errors of backups and restores. The messages are for the operator: the reason, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ordertrail_server.log.port import LogDamaged
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage, primary_code


class BackupRefused(OperatorError):
    """There is nothing to back up, or the target cannot be used. Nothing was changed."""


class BackupDamaged(OperatorError):
    """The backup file is not what a backup wrote."""


@contextmanager
def raise_backup_damage(path: Path) -> Iterator[None]:
    """Raise BackupDamaged in place of the errors of a damaged backup file."""
    try:
        yield
    except (LogDamaged, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) and not is_damage(error) and primary_code(error) != sqlite3.SQLITE_ERROR:
            raise
        cause = " ".join(str(error).split())
        raise BackupDamaged(f"{path} is damaged, or no backup of Ordertrail ({cause}): use another backup.") from error
