"""The files of a data directory, and the only way to open its log for serving."""

from pathlib import Path
from typing import NamedTuple

from ordertrail_server.log.embedded.file import LOG_FILE, UNFINISHED
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.lock import LOCK_FILE, DataDirectoryRefused, DirectoryLock

PROJECTIONS = "projections"
COMMANDS = "commands"
SUBSCRIPTIONS_FILE = "subscriptions.sqlite"
# What releases before the projections kept here. It is only compared with the log.
OLD_STATE, OLD_READ_MODEL = "state.sqlite", "read-model"
# Files that an unused directory may contain. A new ext4 volume contains lost+found.
UNUSED_DIRECTORY_FILES = {LOCK_FILE, PROJECTIONS, OLD_READ_MODEL, "lost+found", *UNFINISHED}


class DataDirectory(NamedTuple):
    """The paths in a data directory."""

    path: Path

    @property
    def log(self) -> Path:
        """The log with all facts. All other files can be rebuilt from it."""
        return self.path / LOG_FILE

    @property
    def subscriptions(self) -> Path:
        """The file of what consumers have acknowledged. It cannot be rebuilt from the log."""
        return self.path / SUBSCRIPTIONS_FILE

    @property
    def projections(self) -> Path:
        """The directory of the projections' files."""
        return self.path / PROJECTIONS

    @property
    def command_index(self) -> Path:
        """The index of submitted commands. It can be built again from their log. Its name has its format."""
        return self.path / COMMANDS / "index-1.sqlite"

    def is_checked(self, store: Path) -> bool:
        """Return whether a derived store is a checked file. Those of earlier releases are not."""
        return store.parent == self.projections

    def derived_stores(self) -> list[Path]:
        """Return all existing files that were folded from the log, by this or another release."""
        patterns = (
            f"{PROJECTIONS}/*.sqlite",
            OLD_STATE,
            f"{OLD_READ_MODEL}/*.sqlite",
            f"{OLD_READ_MODEL}/*.sqlite.new",
        )
        return [path for pattern in patterns for path in sorted(self.path.glob(pattern))]


def find_restore(directory: Path) -> Path:
    """Return the path of the directory in which a restore of `directory` builds the new one."""
    target = directory.resolve()
    return target.with_name(f"{target.name}.restoring")


def is_data_directory(directory: Path) -> bool:
    """Return whether a directory is unused, or holds files of a server."""
    names = {path.name for path in directory.iterdir()}
    return names <= UNUSED_DIRECTORY_FILES or bool(names & {LOG_FILE, SUBSCRIPTIONS_FILE, COMMANDS, PROJECTIONS})


def open_to_serve(directory: Path, *, partitions: int = 1, lock: DirectoryLock | None = None) -> EmbeddedLog:
    """Open the directory's log, or create one with this many partitions if the directory is unused.

    A log of an older format is migrated. Raises DataDirectoryRefused if a new log could hide the loss of another,
    DataDirectoryBusy if another process serves the directory, LogRefused, LogDamaged, LogUnavailable, OSError.
    """
    data = DataDirectory(directory)
    if data.log.exists():
        return EmbeddedLog.open(directory, lock=lock)
    _refuse_interrupted_restore(directory)
    if not directory.exists():
        create_directory(directory)
    refuse_foreign_files(data)
    return EmbeddedLog.create(directory, partitions=partitions, lock=lock)


def _refuse_interrupted_restore(directory: Path) -> None:
    restore = find_restore(directory)
    if restore.exists():
        raise DataDirectoryRefused(
            f"A restore of {directory} has not ended ({restore} exists). Wait until it ends, or run `ordertrail "
            f"restore` again. To begin a new log instead, remove {restore}."
        )


def refuse_foreign_files(data: DataDirectory) -> None:
    """Raise DataDirectoryRefused if a directory without a log holds files that are not those of an unused one."""
    if not data.path.is_dir():
        raise DataDirectoryRefused(f"{data.path} is not a directory. Use a new or empty directory.")
    names = sorted(path.name for path in data.path.iterdir() if path.name not in UNUSED_DIRECTORY_FILES)
    remains = [name for name in names if name.startswith((OLD_STATE, LOG_FILE, SUBSCRIPTIONS_FILE))]
    stores = list(
        dict.fromkeys([*remains, *(path.relative_to(data.path).as_posix() for path in data.derived_stores())])
    )
    if stores:
        raise DataDirectoryRefused(
            f"{data.path} holds {', '.join(stores)}, but no {LOG_FILE}: the facts from which they were built are "
            f"missing. Restore {LOG_FILE} (from a backup, with its -wal file if there is one), or use an empty "
            "directory to start a new log."
        )
    if names:
        raise DataDirectoryRefused(
            f"{data.path} holds other files ({', '.join(names[:3])}) and no log, so it is no data directory of "
            "Ordertrail. Use a new or empty directory."
        )
