"""Which names a power cut leaves on a disk.

A name is durable once its directory was synced; until then a power cut may take a new file away, or bring back the one
that it replaced. No tool that a test may rely on shows the calls of a process to the system, so this looks on where
Python makes them: `os.fsync` is called as always.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch


class DurableNames:
    """The names in each directory, with the file that each stood for, when the directory was synced last."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, int]] = {}

    def note_sync(self, synced: Path) -> None:
        """Note that what is written of a file or directory is on the disk."""
        if synced.is_dir():
            self._names[synced] = {entry.name: entry.inode() for entry in os.scandir(synced)}

    def survives(self, path: Path, below: Path) -> bool:
        """Return whether a power cut leaves the path as it is, if `below` was there before."""
        way = [step for step in (path, *path.parents) if below in step.parents]
        return all(self._names.get(step.parent, {}).get(step.name) == step.stat().st_ino for step in way)


@contextmanager
def watching_syncs() -> Iterator[DurableNames]:
    """Watch what this process makes durable."""
    names, fsync = DurableNames(), os.fsync

    def sync_and_note(descriptor: int) -> None:
        fsync(descriptor)
        names.note_sync(Path(os.readlink(f"/proc/self/fd/{descriptor}")))

    with patch.object(os, "fsync", sync_and_note):
        yield names
