"""Opens a backup file to read it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ordertrail_server.backup.backup_error import BackupDamaged, BackupRefused, raise_backup_damage
from ordertrail_server.backup.backup_schema import APPLICATION_ID, FORMAT, SCHEMA
from ordertrail_server.storage.checked.archive import connect_archive
from ordertrail_server.storage.checked.cursor import CheckedConnection
from ordertrail_server.storage.schema import build_schema, read_schema


@contextmanager
def open_backup(path: Path) -> Iterator[CheckedConnection]:
    """Open a complete backup read-only. Errors of a damaged file in the body are raised as BackupDamaged.

    Raises BackupRefused if there is no such file, or one of a newer format, BackupDamaged if it is no backup.
    """
    if not path.is_file():
        raise BackupRefused(f"{path} is no file: name a file that `ordertrail backup` wrote.")
    with raise_backup_damage(path), closing(connect_archive(path)) as connection:
        _check(connection)
        yield connection


def _check(connection: CheckedConnection) -> None:
    path = connection.path
    [application_id] = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        raise BackupDamaged(f"{path} is no backup of Ordertrail: name a file that `ordertrail backup` wrote.")
    [file_format] = connection.execute("PRAGMA user_version").fetchone()
    if file_format > FORMAT:
        raise BackupRefused(
            f"{path} has format {file_format}, and this release reads formats 1 to {FORMAT}: use the release that "
            "wrote it, or a newer one."
        )
    if read_schema(connection) != build_schema(SCHEMA):
        raise BackupDamaged(f"{path} is damaged: its tables are not those of a backup. Use another backup.")
