"""The files of the two projections that an export reads."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic, sleep
from typing import NamedTuple

from ordertrail_server.export.export_error import ExportRefused
from ordertrail_server.export.position import ExportPosition, common_position, read_position
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.build import NEAR
from ordertrail_server.projections.catalog import HISTORY, TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.projection_file import IS_COMPLETE
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.checked.cursor import CheckedConnection
from ordertrail_server.storage.checked.error import find_damaged_file
from ordertrail_server.storage.lock import is_locked
from ordertrail_server.storage.sqlite import sqlite3

WAIT_SECONDS = 10.0
"""How long a running server has to bring both files near each other."""

RETRY_SECONDS = 0.05
# A file has none until the transaction that creates all of them is committed.
HAS_TABLES = "SELECT count(*) FROM sqlite_schema"
REMEDY = (
    "Start its server with the timeline (without --no-timeline), or stop it and run `ordertrail rebuild`; beside a "
    "server of another release, run `ordertrail prepare`."
)


class SourceFiles(NamedTuple):
    """Connections to the projections, the position of the export, and how many records one of the two lacks."""

    history: CheckedConnection
    timeline: CheckedConnection
    position: ExportPosition
    lag_count: int


@contextmanager
def open_source_files(data: DataDirectory) -> Iterator[SourceFiles]:
    """Open the live generations. Raises ExportRefused, also in place of an SQLite error of the body; OSError."""
    try:
        with closing(_open(data, HISTORY)) as history, closing(_open(data, TIMELINE)) as timeline:
            position, lag_count = _find_position(data, history, timeline)
            yield SourceFiles(history, timeline, position, lag_count)
    except sqlite3.Error as error:
        raise ExportRefused(_explain(data, error)) from error


def _open(data: DataDirectory, name: str) -> CheckedConnection:
    file = live_generation(data.projections, name)
    if not file.exists():
        raise ExportRefused(f"{data.path} has no projection {name} of this release. {REMEDY}")
    connection = connect_checked_reader(file)
    try:
        has_tables = connection.execute(HAS_TABLES).fetchone()[0]
        if not has_tables or not connection.execute(IS_COMPLETE).fetchone()[0]:
            raise ExportRefused(f"The projection {name} in {data.path} is not complete. Wait until it is built.")
    except BaseException:
        connection.close()
        raise
    return connection


def _explain(data: DataDirectory, error: sqlite3.Error) -> str:
    file = find_damaged_file(error)
    if file is not None:
        return f"{file} is damaged: {error}. A running server builds it again; if none runs, start one."
    advice = "If no server runs, you must be allowed to write there, because SQLite creates two files while it reads."
    return f"The files in {data.projections} cannot be read: {error}. {advice}"


def _find_position(
    data: DataDirectory, history: CheckedConnection, timeline: CheckedConnection
) -> tuple[ExportPosition, int]:
    until = monotonic() + WAIT_SECONDS
    while True:
        positions = read_position(history), read_position(timeline)
        lag_count = positions[0].lag_behind(positions[1]) + positions[1].lag_behind(positions[0])
        if positions[0].retries == positions[1].retries and lag_count <= NEAR:
            return common_position(*positions), lag_count
        if monotonic() >= until or not is_locked(data.path):
            raise ExportRefused(
                f"The projections {HISTORY} and {TIMELINE} in {data.path} do not include the same records and retries "
                f"of parked orders: one lacks {lag_count:,} records. Start the server with the timeline, and export "
                "when `ordertrail projections list` shows that neither is behind."
            )
        sleep(RETRY_SECONDS)
