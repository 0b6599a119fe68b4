"""The file of an embedded log: its schema, its creation and its description."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

from ordertrail_server.log.embedded.schema import FORMAT, SCHEMA
from ordertrail_server.log.port import LogDamaged, LogRefused
from ordertrail_server.log.position import MAX_PARTITIONS
from ordertrail_server.log.topic_name import ORDER_EVENTS
from ordertrail_server.storage.checkpoint import checkpoint
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.database_file import database_files, fsync_directory, remove_database
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.transaction import execute_statements, transaction

LOG_FILE = "log.sqlite"
# A log that is being created has these names.
UNFINISHED = tuple(file.name for file in database_files(Path(f"{LOG_FILE}.new")))
IDENTITY_BYTES = 16


class Description(NamedTuple):
    """The description that a log's file contains."""

    identity: bytes
    partitions: int
    topic: str = ORDER_EVENTS
    format: int = FORMAT


def create_file(
    directory: Path,
    partitions: int,
    identity: bytes | None = None,
    predecessors: Sequence[tuple[bytes, int, int, int]] = (),
) -> None:
    """Create an empty log in a directory that has none. A kill half-way leaves no log.

    `identity` and `predecessors`, rows of the table, are those of a log that continues others (see predecessors.py).

    Raises ValueError for a count of partitions that is not between 1 and 32,768, FileExistsError if there is a log.
    """
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise ValueError(f"a log has between 1 and {MAX_PARTITIONS} partitions, not {partitions}")
    if (directory / LOG_FILE).exists():
        raise FileExistsError(f"{directory / LOG_FILE} is there already")
    unfinished = directory / UNFINISHED[0]
    remove_database(unfinished)
    with closing(connect_writer(unfinished)) as connection:
        with transaction(connection):
            write_schema(connection, Description(identity or token_bytes(IDENTITY_BYTES), partitions), predecessors)
        checkpoint(connection)  # closing does the same, but does not report a failure
    unfinished.rename(directory / LOG_FILE)
    fsync_directory(directory)


def write_schema(
    connection: sqlite3.Connection, description: Description, predecessors: Sequence[tuple[bytes, int, int, int]] = ()
) -> None:
    """Create the tables of a log without records in the caller's transaction."""
    execute_statements(connection, SCHEMA)
    connection.executemany("INSERT INTO predecessors VALUES (?, ?, ?, ?)", predecessors)
    identity, partitions, topic, log_format = description
    connection.execute("INSERT INTO log VALUES (?, ?, ?, ?)", (identity, partitions, log_format, topic))


def read_description(connection: sqlite3.Connection) -> Description:
    """Read the log's description, in any format up to this release's.

    Raises LogRefused for a newer format, LogDamaged if the file is not a log.
    """
    try:
        row = connection.execute("SELECT identity, partitions, topic, format FROM log").fetchone()
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            raise
        row = None
    if row is None:
        raise LogDamaged(f"{LOG_FILE} is an SQLite file, but not a log of Ordertrail")
    description = Description(*row)
    _check(description)
    return description


def _check(description: Description) -> None:
    # The constraints of the schema guard writes; they do not detect what a faulty disk changed.
    identity, partitions, topic, format_ = description
    if isinstance(format_, int) and format_ > FORMAT:
        raise LogRefused(
            f"{LOG_FILE} has format {format_}, and this release reads formats 1 to {FORMAT}: "
            "use the release that wrote it, or a newer one"
        )
    if not isinstance(identity, bytes) or len(identity) != IDENTITY_BYTES or topic != ORDER_EVENTS:
        raise LogDamaged(f"{LOG_FILE} is damaged: its description is {tuple(description)}")
    if not isinstance(partitions, int) or not 1 <= partitions <= MAX_PARTITIONS:
        raise LogDamaged(f"{LOG_FILE} is damaged: its description has {partitions!r} partitions")
    if not isinstance(format_, int) or format_ < 1:
        raise LogDamaged(f"{LOG_FILE} is damaged: its description has the format {format_!r}")
