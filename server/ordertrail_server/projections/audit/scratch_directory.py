"""The directory of one audit's own files, beside the projections that it compares."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

PREFIX = "audit-"


def create_scratch_directory(directory: Path) -> Path:
    """Create an empty directory for an audit in the directory of the projections. Raises OSError."""
    return Path(mkdtemp(prefix=PREFIX, dir=directory))


def remove_scratch_directory(scratch: Path) -> None:
    """Remove the files of an audit, even while it still runs. What cannot be removed is left."""
    rmtree(scratch, ignore_errors=True)


def remove_leftover_audits(directory: Path) -> None:
    """Remove the files of audits that were killed. The caller holds the lock of the data directory."""
    for scratch in directory.glob(f"{PREFIX}*"):
        remove_scratch_directory(scratch)


@contextmanager
def scratch_directory(directory: Path) -> Iterator[Path]:
    """Create a directory for an audit, and remove it after the body."""
    scratch = create_scratch_directory(directory)
    try:
        yield scratch
    finally:
        remove_scratch_directory(scratch)
