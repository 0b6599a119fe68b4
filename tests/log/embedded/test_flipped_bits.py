"""Bits that a disk flips in an embedded log. Each read verifies every column of a record."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.log.contract import build_entries

from ordertrail_server.log.embedded.file import read_description
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.embedded.records import read_records, refuse_stray_records
from ordertrail_server.log.port import BARRIER, Entry, Log, LogDamaged, Logged
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.connection import connect_reader

RECORDS = 6


class StoredRecord(NamedTuple):
    """A closed log file, and the range of bytes of one record's row in it, with the row's header."""

    path: Path
    begin: int
    end: int
    unused: int
    """The byte of the row that SQLite ignores: the type of `position`, which is stored as the rowid."""

    def bits(self) -> list[int]:
        return [bit for bit in range(8 * self.begin, 8 * self.end) if bit // 8 != self.unused]

    def read(self) -> list[Logged]:
        """Read every record as a log does. Raises LogDamaged."""
        with closing(connect_reader(self.path)) as connection:
            partitions = read_description(connection).partitions
            refuse_stray_records(connection, partitions)
            return [
                record
                for partition in range(partitions)
                for record in read_records(connection, partition, 0, 100, partitions)
            ]


def flip(path: Path, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(bit // 8)
        [before] = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([before ^ 1 << bit % 8]))


async def create_log(directory: Path, offset: int, partitions: int) -> StoredRecord:
    """Create a log, and return the record at an offset of its last partition."""
    log = EmbeddedLog.create(directory, partitions=partitions)
    appended: list[Entry] = []
    for partition in range(partitions):
        appended = [*build_entries(RECORDS - 1, 0, partition), BARRIER]
        await log.append(partition, appended)
    await log.close()
    key, value = appended[offset]
    columns = key.encode() + value + digest(value)
    path = directory / "log.sqlite"
    start = path.read_bytes().index(columns)
    # Before the columns: the row's length, its position, the header's length, and a type for each column.
    position_bytes = 1 if partitions == 1 else 7
    return StoredRecord(path, start - position_bytes - 6, start + len(columns), start - 4)


@pytest.mark.parametrize("offset", range(RECORDS), ids="record {}".format)
@pytest.mark.parametrize("partitions", [1, 2])
async def test_flipped_bit_of_a_record_is_damage(tmp_path: Path, offset: int, partitions: int) -> None:
    record = await create_log(tmp_path, offset, partitions)
    whole = record.read()
    for bit in record.bits():
        flip(record.path, bit)
        with pytest.raises(LogDamaged):
            record.read()
        flip(record.path, bit)
    assert record.read() == whole


@pytest.mark.parametrize("partitions", [1, 2])
async def test_flipped_bit_in_the_last_position_is_reported_at_opening(tmp_path: Path, partitions: int) -> None:
    record = await create_log(tmp_path, RECORDS - 1, partitions)
    for bit in range(8 * (record.begin + 1), 8 * (record.unused - 1)):
        flip(record.path, bit)
        with pytest.raises(LogDamaged):
            EmbeddedLog.open(tmp_path)
        flip(record.path, bit)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET identity = x'00'",
        "UPDATE log SET partitions = 5",
        "UPDATE log SET partitions = 0",
        "UPDATE log SET partitions = -1",
        "UPDATE log SET partitions = 32769",
        "UPDATE log SET format = 0",
        "UPDATE log SET topic = 'orders.evants'",
        "UPDATE log SET topic = CAST(x'ff' AS TEXT)",
    ],
)
async def test_invalid_log_description_is_reported_at_opening(tmp_path: Path, statement: str) -> None:
    await create_log(tmp_path, 0, partitions=1)
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as connection:
        connection.executescript(f"PRAGMA ignore_check_constraints = 1; DROP TRIGGER log_is_never_changed; {statement}")
    for open_log in (EmbeddedLog.open, EmbeddedLog.follow):
        with pytest.raises(LogDamaged):
            await read_all(open_log(tmp_path))


async def read_all(log: Log) -> None:
    try:
        for partition in range(log.partitions):
            await log.read(partition, 0, 100)
    finally:
        await log.close()
