"""Which generations a running server uses, so that nothing else writes to them.

A server states this in a small file when it starts. The statement holds while a process has the lock of the data
directory: a server of another release replaces it before it opens any generation.
"""

from collections.abc import Iterable
from pathlib import Path

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.generation import current_generation
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.lock import is_locked

FILE = "served"
MODE = 0o640


def write_served_definitions(directory: Path, names: Iterable[str]) -> None:
    """State that the server of this process uses these projections, with the definitions of its release."""
    create_directory(directory)
    new_file = directory / f"{FILE}.new"
    new_file.write_text("".join(f"{line}\n" for name in names if (line := _describe(directory, name))))
    new_file.chmod(new_file.stat().st_mode & MODE)
    new_file.replace(directory / FILE)


def find_served_projections(data: DataDirectory, names: Iterable[str]) -> set[str]:
    """Return those of the projections that a running server uses with the definitions of this process's release."""
    if not is_locked(data.path):
        return set()
    try:
        served = set((data.projections / FILE).read_text().splitlines())
    except FileNotFoundError:  # the server has just started
        return set()
    return {name for name in names if _describe(data.projections, name) in served}


def _describe(directory: Path, name: str) -> str:
    try:
        return f"{name} {current_generation(directory, name).definition}"
    except OperatorError:  # the package of a projection is broken; nothing uses its files
        return ""
