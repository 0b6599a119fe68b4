"""The file of an embedded log: its schema, its creation and its description."""

from contextlib import closing
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

from ordertrail_server.log.port import LogDamaged
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
FORMAT = 1
IDENTITY_BYTES = 16

# A position is partition << 48 | offset: a partition is one range of rowids, and an append goes to its end.
# The trigger on INSERT also rejects INSERT OR REPLACE, whose implicit DELETE does not fire a trigger.
SCHEMA = """
CREATE TABLE log (
    identity   BLOB NOT NULL CHECK (length(identity) = 16),
    partitions INTEGER NOT NULL CHECK (partitions BETWEEN 1 AND 32768),
    format     INTEGER NOT NULL,
    topic      TEXT NOT NULL
) STRICT;

CREATE TABLE records (
    position INTEGER PRIMARY KEY,
    key      TEXT NOT NULL,
    value    BLOB NOT NULL,
    digest   BLOB NOT NULL CHECK (length(digest) = 16)
) STRICT;

CREATE TRIGGER log_has_one_identity BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log)
BEGIN SELECT RAISE(ABORT, 'a log has one identity, for ever'); END;
CREATE TRIGGER log_is_never_changed BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'a log keeps its identity and its partitions for ever'); END;
CREATE TRIGGER log_is_never_removed BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'a log keeps its identity and its partitions for ever'); END;

CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a record is never changed'); END;
CREATE TRIGGER records_are_never_removed BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a record is never removed'); END;
CREATE TRIGGER records_are_appended BEFORE INSERT ON records
WHEN NEW.position IS NOT coalesce(
        (SELECT max(position) + 1 FROM records
         WHERE position BETWEEN (NEW.position >> 48) << 48 AND NEW.position | 0xFFFFFFFFFFFF),
        (SELECT (NEW.position >> 48) << 48 FROM log WHERE (NEW.position >> 48) BETWEEN 0 AND partitions - 1))
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a record goes to the end of its partition, and nowhere else'); END;
"""


class Description(NamedTuple):
    """The description that a log's file contains."""

    identity: bytes
    partitions: int
    topic: str


def create_file(directory: Path, partitions: int) -> None:
    """Create an empty log in a directory that has none. A kill half-way leaves no log.

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
            execute_statements(connection, SCHEMA)
            description = (token_bytes(IDENTITY_BYTES), partitions, FORMAT, ORDER_EVENTS)
            connection.execute("INSERT INTO log VALUES (?, ?, ?, ?)", description)
        checkpoint(connection)  # closing does the same, but does not report a failure
    unfinished.rename(directory / LOG_FILE)
    fsync_directory(directory)


def read_description(connection: sqlite3.Connection) -> Description:
    """Read the log's description. Raises LogDamaged if the file is not a log that this release can read."""
    try:
        row = connection.execute("SELECT identity, partitions, format, topic FROM log").fetchone()
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            raise
        row = None
    if row is None:
        raise LogDamaged(f"{LOG_FILE} is an SQLite file, but not a log of Ordertrail")
    identity, partitions, format_, topic = row
    if format_ != FORMAT:
        raise LogDamaged(f"{LOG_FILE} has format {format_}, and this release reads format {FORMAT} only")
    # The constraints of the schema guard writes; they do not detect what a faulty disk changed.
    if not isinstance(identity, bytes) or len(identity) != IDENTITY_BYTES or topic != ORDER_EVENTS:
        raise LogDamaged(f"{LOG_FILE} is damaged: its description is {row}")
    if not isinstance(partitions, int) or not 1 <= partitions <= MAX_PARTITIONS:
        raise LogDamaged(f"{LOG_FILE} is damaged: its description has {partitions!r} partitions")
    return Description(identity, partitions, topic)
