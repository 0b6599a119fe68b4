"""A log's file lists the logs that it continues after a restore. The list is written first, and never changes."""

import sqlite3  # not the one that the server uses, because the file must refuse changes by any tool
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.log.embedded.test_flipped_bits import flip

from ordertrail_server.log.embedded.file import create_file
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.embedded.predecessors import CutLog, create_identity, read_lineages
from ordertrail_server.log.embedded.schema import SCHEMA
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.storage.checked.empty_database import PAGE_BYTES
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.sqlite import sqlite3 as server_sqlite3

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


OLDEST, OLDER = CutLog(b"\xa1" * 16, (7, 0), (3, 1)), CutLog(b"\xa2" * 16, (300, 0), (3, 2))


def create_restored(directory: Path) -> Path:
    """Create a log with two predecessors, and return its file."""
    rows = [*OLDEST.to_rows(), *OLDER.to_rows()]
    create_file(directory, 2, create_identity((OLDEST, OLDER)), rows)
    return directory / "log.sqlite"


async def test_log_names_its_predecessors_oldest_first(tmp_path: Path) -> None:
    create_restored(tmp_path)
    log = EmbeddedLog.follow(tmp_path)
    await log.close()
    assert [before.ends for before in log.lineage.predecessors] == [(7, 0), (300, 0)]
    assert log.commands is not None
    assert [before.ends for before in log.commands.lineage.predecessors] == [(3, 1), (3, 2)]


def test_predecessors_stay_in_order_after_vacuum(tmp_path: Path) -> None:
    with closing(sqlite3.connect(create_restored(tmp_path))) as connection:
        connection.execute("VACUUM")
        identities = [row[0] for row in connection.execute("SELECT DISTINCT identity FROM predecessors ORDER BY rowid")]
    assert identities == [OLDEST.identity, OLDER.identity]


def test_flipped_bit_leaves_the_predecessors_or_is_damage(tmp_path: Path) -> None:
    """Otherwise a lost record could look kept."""
    file = create_restored(tmp_path)
    lineage, lineages, damage_count = read(file), set[object](), 0
    for bit in find_bits(file, "predecessors"):
        flip(file, bit)
        try:
            lineages.add(read(file))
        except (LogDamaged, server_sqlite3.DatabaseError):
            damage_count += 1
        flip(file, bit)
    assert lineages == {lineage}
    assert damage_count > 500


def read(file: Path) -> tuple[Lineage, Lineage]:
    with closing(connect_reader(file)) as connection:
        return read_lineages(connection)


def find_bits(file: Path, table: str) -> list[int]:
    """Return the bits of the header and of the rows on a table's only page."""
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?"
        [(page,)] = connection.execute(query, [table])
    begin, end = (page - 1) * PAGE_BYTES, page * PAGE_BYTES
    return [*range(8 * begin, 8 * (begin + 16)), *range(8 * (end - 110), 8 * end)]
