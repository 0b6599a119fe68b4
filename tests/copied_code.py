"""Copies of folders of code with their compiled code, which stays valid because a copied file keeps time and size."""

from pathlib import Path
from shutil import copytree, ignore_patterns

# The names of files that a process beside the tests is writing, and renames as soon as they are complete.
_UNFINISHED = ignore_patterns("*.pyc.*", "*.new")


def copy_code(folder: Path, target: Path) -> None:
    """Copy a folder to `target`, which must not exist."""
    copytree(folder, target, ignore=_UNFINISHED)
