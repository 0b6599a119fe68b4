"""A checked file with every kind of page, its rows, and bits that a disk flips in it."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_reader, connect_checked_writer
from ordertrail_server.storage.checked.empty_database import PAGE_BYTES
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.database_file import MOVED_FRAMES_SUFFIX, database_files
from ordertrail_server.storage.transaction import transaction

Row = tuple[object, ...]

ROWS = 400
# sqlite.org/fileformat.html, section 1.6: the first byte of a page, which other pages do not have.
PAGE_TYPES = {2: "index interior", 5: "table interior", 10: "index leaf", 13: "table leaf"}


def create_rows(path: Path, random: Random) -> None:
    """Create a file with a table, an index, a table without rowid, long rows and free pages. Its -wal file is empty."""
    with closing(connect_checked_writer(path)) as writer:
        with transaction(writer):
            writer.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, version INTEGER, state BLOB)")
            writer.execute("CREATE INDEX by_version ON orders (version, id)")
            writer.execute("CREATE TABLE receipts (id TEXT PRIMARY KEY, position INTEGER) WITHOUT ROWID")
        for generation in range(2):
            insert_rows(writer, random, generation)
        with transaction(writer):
            writer.execute("DELETE FROM orders WHERE version < ?", (ROWS // 10,))
        CheckedCheckpoints(writer, path).run()


def insert_rows(writer: Connection, random: Random, generation: int, count: int = ROWS) -> None:
    """Insert or replace rows in random order, in one transaction. Every fifth state is longer than a page."""
    numbers = random.sample(range(ROWS), count)
    with transaction(writer):
        for number in numbers:
            state = random.randbytes(random.randrange(5_000, 9_000) if number % 5 == 0 else 50 + generation)
            writer.execute("REPLACE INTO orders VALUES (?, ?, ?)", (_build_id(number), number, state))
            writer.execute("REPLACE INTO receipts VALUES (?, ?)", (_build_id(number), generation))


def find_files(path: Path) -> list[Path]:
    """Return the files that a checked file may consist of."""
    return [*database_files(path), path.with_name(f"{path.name}{MOVED_FRAMES_SUFFIX}")]


def read_rows(path: Path) -> list[list[Row]]:
    """Read all rows through a new connection, in each way in which a query may find them."""
    with closing(connect_checked_reader(path)) as reader:
        return [reader.execute(query).fetchall() for query in _QUERIES] + [list(_look_up(reader))]


_QUERIES = (
    "SELECT * FROM orders NOT INDEXED ORDER BY rowid",
    "SELECT version, id FROM orders INDEXED BY by_version ORDER BY version, id",
    "SELECT * FROM receipts ORDER BY id",
)


def _look_up(reader: Connection) -> Iterator[Row]:
    for number in range(ROWS):
        order_id = (_build_id(number),)
        yield reader.execute("SELECT version, state FROM orders WHERE id = ?", order_id).fetchone()
        yield reader.execute("SELECT position FROM receipts WHERE id = ?", order_id).fetchone()


def _build_id(number: int) -> str:
    return f"order-{number:032}"


def flip_bit(path: Path, byte: int, bit: int) -> None:
    """Flip a bit in place, as a disk does. For a file without locks: closing it here would drop them."""
    with path.open("r+b") as file:
        flip_bit_of(file.fileno(), byte, bit)


def flip_bit_of(descriptor: int, byte: int, bit: int) -> None:
    """Flip a bit of an open file."""
    [before] = os.pread(descriptor, 1, byte)
    os.pwrite(descriptor, bytes([before ^ 1 << bit]), byte)


def find_pages(path: Path) -> dict[str, list[int]]:
    """Return the offsets of the pages of each type. "other" are those without a type: rows' ends, and free pages."""
    content = path.read_bytes()
    pages: dict[str, list[int]] = {}
    for offset in range(PAGE_BYTES, len(content), PAGE_BYTES):
        pages.setdefault(PAGE_TYPES.get(content[offset], "other"), []).append(offset)
    return pages
