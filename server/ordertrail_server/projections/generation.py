"""Generations: each file of a projection is named by the definition that filled it, and a number.

Queries are answered from the live generation of each projection. Which one that is, a small text file states, so that
a generation is promoted by one atomic step. Without that file it is generation 1.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.projections.definition import projection_definition
from ordertrail_server.storage.database_file import fsync_directory

FIRST = 1
_FILE = re.compile(r"(?P<name>[a-z][a-z0-9_]*)-(?P<definition>[0-9a-f]{12})-(?P<number>[1-9][0-9]{0,8})\.sqlite")


class Generation(NamedTuple):
    """One generation of a projection; `definition` are the first 12 hexadecimal digits of its definition."""

    name: str
    definition: str
    number: int

    def file(self, directory: Path) -> Path:
        """Return the file of the generation in the directory of the projections."""
        return directory / f"{self.name}-{self.definition}-{self.number}.sqlite"


def current_generation(directory: Path, name: str) -> Generation:
    """Return the live generation of this release's definition. Its file may not exist yet."""
    definition = projection_definition(name, directory).hex()[:12]
    try:
        number = int(_live_file(directory, name, definition).read_text())
    except (FileNotFoundError, ValueError):  # a file that a crash left empty names no generation
        number = FIRST
    return Generation(name, definition, number)


def live_generation(directory: Path, name: str) -> Path:
    """Return the file of the live generation of this release's definition."""
    return current_generation(directory, name).file(directory)


def next_generation(directory: Path, name: str) -> Generation:
    """Return the generation after the newest one of this release's definition."""
    current = current_generation(directory, name)
    numbers = [generation.number for generation in list_generations(directory) if generation[:2] == current[:2]]
    return current._replace(number=max([current.number, *numbers]) + 1)


def list_generations(directory: Path) -> list[Generation]:
    """Return all generations that have a file, of any definition, in the order of names and numbers."""
    return sorted(filter(None, map(find_generation, directory.glob("*.sqlite"))))


def find_generation(file: Path) -> Generation | None:
    """Return the generation of a file, None if it is no generation's."""
    match = _FILE.fullmatch(file.name)
    return Generation(match["name"], match["definition"], int(match["number"])) if match else None


def settle_live_generation(directory: Path, name: str) -> None:
    """If the live generation of this release has no file, make the newest other one live. For the start of a server.

    Its file may have been damaged and removed, or the file that names it may be damaged. Any generation can be brought
    up to date.
    """
    current = current_generation(directory, name)
    candidates = [candidate for candidate in list_generations(directory) if candidate[:2] == current[:2]]
    if candidates and current not in candidates:
        make_live(directory, candidates[-1])


def make_live(directory: Path, generation: Generation) -> None:
    """Make a generation the live one of its definition, durably and in one step."""
    live_file = _live_file(directory, generation.name, generation.definition)
    new_file = live_file.with_name(f"{live_file.name}.new")
    descriptor = os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        os.write(descriptor, f"{generation.number}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new_file.replace(live_file)
    fsync_directory(directory)


def _live_file(directory: Path, name: str, definition: str) -> Path:
    return directory / f"{name}-{definition}.live"
