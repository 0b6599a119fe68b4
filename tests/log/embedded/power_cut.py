"""The file names that survive a power cut.

A name is durable once its directory was synced. Until then a power cut may remove a new file, or restore the one that
it replaced. Tests cannot rely on a tool that shows the system calls of a process, so this wraps `os.fsync`, which is
still called.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch


class DurableNames:
    """The names in each directory and the inode of each, as of the last sync of the directory."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, int]] = {}

    def note_sync(self, synced: Path) -> None:
        """Record that the content of a file or directory is on the disk."""
        if synced.is_dir():
            self._names[synced] = {entry.name: entry.inode() for entry in os.scandir(synced)}

    def survives(self, path: Path, below: Path) -> bool:
        """Return whether a power cut leaves the path as it is, if the directory `below` existed before."""
        steps = [step for step in (path, *path.parents) if below in step.parents]
        return all(self._names.get(step.parent, {}).get(step.name) == step.stat().st_ino for step in steps)


@contextmanager
def watch_syncs() -> Iterator[DurableNames]:
    """Record everything that this process syncs."""
    names, fsync = DurableNames(), os.fsync

    def sync_and_note(descriptor: int) -> None:
        fsync(descriptor)
        names.note_sync(Path(os.readlink(f"/proc/self/fd/{descriptor}")))

    with patch.object(os, "fsync", sync_and_note):
        yield names
