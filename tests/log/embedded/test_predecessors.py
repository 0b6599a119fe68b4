"""A log's file lists the logs that it continues after a restore. The list is written first, and never changes."""

import sqlite3  # not the one that the server uses, because the file must refuse changes by any tool
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ordertrail_server.log.embedded.schema import SCHEMA

PREDECESSOR = "(zeroblob(16), {}, 7, 3)"


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A file with a predecessor that had two partitions."""
    with closing(sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        connection.execute(f"INSERT INTO predecessors VALUES {PREDECESSOR.format(0)}, {PREDECESSOR.format(1)}")
        connection.execute("INSERT INTO log VALUES (randomblob(16), 2, 2, 'orders.events')")
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO predecessors VALUES {PREDECESSOR.format(2)}",
        f"INSERT OR REPLACE INTO predecessors VALUES {PREDECESSOR.format(1)}",
        f"INSERT OR IGNORE INTO predecessors VALUES {PREDECESSOR.format(1)}",
        "UPDATE predecessors SET records_end = 8",
        "UPDATE OR REPLACE predecessors SET partition = 0 WHERE partition = 1",
        "DELETE FROM predecessors",
        "DELETE FROM predecessors WHERE partition = 1",
    ],
)
def test_predecessors_of_a_created_log_never_change(restored: sqlite3.Connection, statement: str) -> None:
    before = restored.execute("SELECT * FROM predecessors").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="predecessors"):
        restored.execute(statement)
    assert restored.execute("SELECT * FROM predecessors").fetchall() == before
    assert len(before) == 2


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        (PREDECESSOR.format(0), "UNIQUE"),
        ("(zeroblob(15), 0, 7, 3)", "CHECK"),
        ("(zeroblob(16), -1, 7, 3)", "CHECK"),
        ("(zeroblob(16), 32768, 7, 3)", "CHECK"),
        ("(zeroblob(16), 1, -1, 3)", "CHECK"),
        ("(zeroblob(16), 1, 7, -1)", "CHECK"),
        ("(zeroblob(16), 1, 7, NULL)", "NOT NULL"),
        ("('0123456789abcdef', 1, 7, 3)", "cannot store TEXT"),
    ],
)
def test_invalid_predecessor_is_refused(tmp_path: Path, row: str, constraint: str) -> None:
    with closing(sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        connection.execute(f"INSERT INTO predecessors VALUES {PREDECESSOR.format(0)}")
        with pytest.raises(sqlite3.IntegrityError, match=constraint):
            connection.execute(f"INSERT INTO predecessors VALUES {row}")
