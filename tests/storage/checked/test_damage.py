"""A bit that a disk flips in a checked file never changes what a query returns."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from tests.storage.checked.rows import Row, create_rows, find_pages, flip_bit, flip_bit_of, read_rows
from tests.trials import choose_size

from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_reader, connect_checked_writer
from ordertrail_server.storage.checked.empty_database import PAGE_BYTES
from ordertrail_server.storage.checked.error import ChecksumsMissing, PageDamaged
from ordertrail_server.storage.checked.vfs import RESERVED_BYTES
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.storage.transaction import read_transaction

FLIPS = choose_size(12, 150, 40_000)
SEED = int(os.environ.get("ORDERTRAIL_FLIP_SEED", str(time.time_ns())))
REGIONS = ("first page", "table leaf", "table interior", "index leaf", "index interior", "other", "checksums")
HEADER_BYTES = 100
RESERVED_BYTES_FIELD = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "any.sqlite"
    create_rows(path, Random(1))
    return path


def choose_bytes(path: Path, region: str, random: Random) -> Iterator[int]:
    """Yield random bytes of a region."""
    pages = find_pages(path)
    pages["first page"] = [0]
    pages["checksums"] = [offset for offsets in pages.values() for offset in offsets]
    first = PAGE_BYTES - RESERVED_BYTES if region == "checksums" else 0
    while True:
        yield random.choice(pages[region]) + random.randrange(first, PAGE_BYTES)


def read_or_find_damage(path: Path) -> list[list[Row]] | None:
    """Return all rows; None if a read finds damage."""
    try:
        return read_rows(path)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return None


@pytest.mark.sampled
@pytest.mark.timeout(60 + FLIPS)
@pytest.mark.parametrize("region", REGIONS)
def test_flipped_bit_is_damage_or_changes_no_row(path: Path, region: str) -> None:
    rows, random, outcomes = read_rows(path), Random(SEED), Counter[bool]()
    for byte in islice(choose_bytes(path, region, random), FLIPS):
        bit = random.randrange(8)
        flip_bit(path, byte, bit)
        result = read_or_find_damage(path)
        assert result in (None, rows), f"byte {byte}, bit {bit}, seed {SEED}"
        outcomes[result is None] += 1
        flip_bit(path, byte, bit)
    assert outcomes[True] > 0  # a page may be free, but not all of them are
    assert read_rows(path) == rows


def test_every_bit_of_the_header_is_verified(path: Path) -> None:
    for byte in range(HEADER_BYTES):
        for bit in range(8):
            flip_bit(path, byte, bit)
            assert read_or_find_damage(path) is None, f"byte {byte}, bit {bit}"
            flip_bit(path, byte, bit)


def test_damaged_page_is_reported_as_such(path: Path) -> None:
    flip_bit(path, find_pages(path)["table leaf"][0] + 500, 3)
    with pytest.raises(PageDamaged, match="a page does not fit its checksum"):
        read_rows(path)


def test_writer_finds_damage_before_it_changes_the_page(path: Path) -> None:
    flip_bit(path, find_pages(path)["table leaf"][0] + 500, 3)
    before = path.read_bytes()
    with closing(connect_checked_writer(path)) as writer, pytest.raises(PageDamaged):
        writer.execute("UPDATE orders SET version = version + 1")
    assert path.read_bytes() == before


@pytest.mark.parametrize("connect", [connect_checked_reader, connect_checked_writer])
def test_file_that_another_program_made_is_refused_as_damage(tmp_path: Path, connect: type) -> None:
    path = tmp_path / "any.sqlite"
    with closing(connect_writer(path)) as connection:
        connection.execute("CREATE TABLE numbers (n)")
    with pytest.raises(ChecksumsMissing, match="its pages have no checksums") as error:
        connect(path)
    assert is_damage(error.value)


@pytest.mark.parametrize("connect", [connect_checked_reader, connect_checked_writer])
def test_empty_file_is_refused_as_damage(tmp_path: Path, connect: type) -> None:
    path = tmp_path / "any.sqlite"
    path.touch()
    with pytest.raises(ChecksumsMissing):
        connect(path)


@pytest.fixture
def descriptor(path: Path) -> Iterator[int]:
    """A descriptor of the file that is closed after all connections."""
    with path.open("r+b") as file:
        yield file.fileno()


@pytest.mark.parametrize("bit", range(8))
def test_open_connection_refuses_a_header_that_turns_checksums_off(path: Path, descriptor: int, bit: int) -> None:
    query = "SELECT count(*) FROM receipts"
    with closing(connect_checked_writer(path)) as writer, closing(connect_checked_reader(path)) as reader:
        assert reader.execute(query).fetchone() > (0,)
        writer.execute("CREATE TABLE numbers (n)")
        CheckedCheckpoints(writer, path).run()
        flip_bit_of(descriptor, RESERVED_BYTES_FIELD, bit)
        with pytest.raises(ChecksumsMissing):
            reader.execute(query)


@pytest.mark.parametrize("bit", range(8))
def test_each_transaction_refuses_a_header_that_turns_checksums_off(path: Path, descriptor: int, bit: int) -> None:
    query = "SELECT count(*) FROM receipts"
    with closing(connect_checked_writer(path)) as writer, closing(connect_checked_reader(path)) as reader:
        with read_transaction(reader):
            assert reader.execute(query).fetchone() == reader.execute(query).fetchone() > (0,)
        writer.execute("CREATE TABLE numbers (n)")
        CheckedCheckpoints(writer, path).run()
        flip_bit_of(descriptor, RESERVED_BYTES_FIELD, bit)
        with pytest.raises(ChecksumsMissing), read_transaction(reader):
            reader.execute(query)
