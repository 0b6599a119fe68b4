"""A log's file as the releases that only knew format 1 created it."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tests.log.contract import build_entries

from ordertrail_server.log.port import Entry
from ordertrail_server.log.position import first_packed
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.sqlite import sqlite3  # two libraries in one process would not see each other's locks

IDENTITY = bytes(range(16))
# Two partitions, with ten records and one record.
APPENDED = [build_entries(10), build_entries(1, 10, 1)]

# The text of those releases, unchanged.
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


def create_format_1(directory: Path, appended: Sequence[Sequence[Entry]] = tuple(APPENDED)) -> Path:
    """Create a directory with the log of a stopped server that holds these records of each partition."""
    directory.mkdir(exist_ok=True)
    with open_file(directory) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        connection.execute("INSERT INTO log VALUES (?, ?, 1, 'orders.events')", (IDENTITY, len(appended)))
        for partition, entries in enumerate(appended):
            rows = [(key, value, digest(value)) for key, value in entries]
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?)",
                [(position, *row) for position, row in enumerate(rows, first_packed(partition))],
            )
            connection.execute("COMMIT")
    return directory


@contextmanager
def open_file(directory: Path) -> Iterator[sqlite3.Connection]:
    """Open the directory's log as another program does."""
    with closing(sqlite3.connect(directory / "log.sqlite", isolation_level=None)) as connection:
        yield connection


def read_format(directory: Path) -> int:
    """Return the format that the directory's log states."""
    with open_file(directory) as connection:
        return int(connection.execute("SELECT format FROM log").fetchone()[0])


def read_schema(directory: Path) -> set[tuple[str, str, str]]:
    """Return the type, the name and the text of everything in the schema of the directory's log but statistics."""
    with open_file(directory) as connection:
        return set(connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"))
