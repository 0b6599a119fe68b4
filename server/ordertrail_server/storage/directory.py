"""The directories of databases."""

from pathlib import Path

from ordertrail_server.storage.database_file import fsync_directory

_MODE = 0o750


def create_directory(directory: Path) -> None:
    """Create a directory that only its owner may write and only its group may read. An existing one is not changed.

    Missing parent directories get the permissions that the umask allows.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(_MODE, parents=True, exist_ok=True)
    for path in missing:
        fsync_directory(path.parent)
