"""What an operator reads about generations: their states and how far they are."""

from collections.abc import Callable, Mapping
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.projections.generation import Generation
from ordertrail_server.projections.projection_file import IS_COMPLETE
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage

FOLDED = "SELECT sum(next_offset) FROM ordertrail_positions"


class GenerationState(Enum):
    """The state of a generation."""

    LIVE = "live"  # queries are answered from it
    BUILDING = "building"  # it is being folded, and lacks later records
    READY = "ready"  # it is complete, and follows the log
    KEPT = "kept"  # it was complete once, and does not follow the log
    ABANDONED = "abandoned"  # it is not complete, and nothing builds it


class GenerationReport(NamedTuple):
    """A generation, its state, the number of records that it includes and lacks, and the size of its file."""

    generation: Generation
    state: GenerationState
    folded_count: int
    lag_count: int
    file_bytes: int


class ProjectionReport(NamedTuple):
    """A projection, its definition in this release, its generations, why it stopped (empty while it runs), and how
    often it was repaired since the start of the server."""

    name: str
    definition: str
    generations: list[GenerationReport]
    stopped_reason: str
    repair_count: int


class StoredProgress(NamedTuple):
    """What the file of a generation states about itself."""

    folded_count: int
    is_complete: bool
    damage: str = ""


def read_stored_progress(file: Path) -> StoredProgress:
    """Return the progress that a file states; none if it cannot be read, with the damage if that is why."""
    try:
        with closing(connect_checked_reader(file)) as connection:
            [folded_count] = connection.execute(FOLDED).fetchone()
            [is_complete] = connection.execute(IS_COMPLETE).fetchone()
            return StoredProgress(folded_count or 0, bool(is_complete))
    except sqlite3.Error as error:
        return StoredProgress(0, False, str(error) if is_damage(error) else "")


def report_generation(
    directory: Path,
    generation: Generation,
    end: int,
    live: Generation,
    builds: Mapping[Generation, bool],
    on_damage: Callable[[Path, str], None],
) -> GenerationReport:
    """Return the report of a generation. `end` is the number of records of the log; `builds` are ready or not."""
    file = generation.file(directory)
    stored = read_stored_progress(file)
    if stored.damage:
        on_damage(file, stored.damage)
    if generation == live:
        state = GenerationState.LIVE
    elif generation in builds:
        state = GenerationState.READY if builds[generation] else GenerationState.BUILDING
    else:
        state = GenerationState.KEPT if stored.is_complete else GenerationState.ABANDONED
    size = file.stat().st_size if file.exists() else 0
    return GenerationReport(generation, state, stored.folded_count, max(0, end - stored.folded_count), size)
