"""The file of the embedded log refuses changes of its records, and reads report damage."""

import sqlite3  # not the one that the server uses, because the file must refuse changes by any tool
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.log.contract import build_entries, build_logged_records

from ordertrail_server.log.continuity import check_continues
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.log.position import first_packed
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.sqlite import UnsafeSqliteVersion, check_sqlite_version, sqlite3 as server_sqlite3

APPENDED = build_entries(10)
SECOND = first_packed(1)
NEW_RECORD = "INTO records VALUES ({}, 'order-1', x'00', x'00112233445566778899aabbccddeeff')"


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data directory with two partitions, without a server. The first holds ten records and ten commands."""
    log = EmbeddedLog.create(tmp_path, partitions=2)
    await log.append(0, APPENDED)
    await log.close()
    with plain_connection(tmp_path) as connection:
        connection.execute("INSERT INTO commands SELECT * FROM records")
    return tmp_path


@contextmanager
def plain_connection(data: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(data / "log.sqlite", isolation_level=None)) as connection:
        yield connection


def tamper(data: Path, statement: str, *parameters: bytes) -> None:
    with plain_connection(data) as connection:
        connection.execute("DROP TRIGGER records_are_never_changed")
        connection.execute("DROP TRIGGER records_are_never_removed")
        connection.execute(statement, parameters)


@pytest.mark.parametrize("table", ["records", "commands"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET value = x'00' WHERE position = 3",
        "UPDATE records SET position = 11 WHERE position = 9",
        "UPDATE OR REPLACE records SET position = 3 WHERE position = 9",
        "DELETE FROM records WHERE position = 9",
        "DELETE FROM records",
        f"INSERT {NEW_RECORD.format(9)}",
        f"INSERT OR REPLACE {NEW_RECORD.format(3)}",
        f"INSERT OR REPLACE {NEW_RECORD.format(9)}",
        f"INSERT OR IGNORE {NEW_RECORD.format(9)}",
        f"INSERT {NEW_RECORD.format(9)} ON CONFLICT (position) DO UPDATE SET value = x'00'",
        f"INSERT {NEW_RECORD.format(11)}",
        f"INSERT {NEW_RECORD.format(-1)}",
        f"INSERT {NEW_RECORD.format('NULL')}",
        f"INSERT {NEW_RECORD.format(SECOND + 1)}",
        f"INSERT {NEW_RECORD.format(2 * SECOND)}",
    ],
)
def test_file_refuses_every_change_but_an_append_at_the_end(data: Path, statement: str, table: str) -> None:
    with plain_connection(data) as connection:
        before = connection.execute(f"SELECT * FROM {table}").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match=f"the log is append-only: a {table[:-1]} "):
            connection.execute(statement.replace("records", table))
        assert connection.execute(f"SELECT * FROM {table}").fetchall() == before
        assert len(before) == 10


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET identity = x'00112233445566778899aabbccddeeff'",
        "UPDATE log SET partitions = 3",
        "DELETE FROM log",
        "INSERT INTO log SELECT * FROM log",
        "INSERT OR REPLACE INTO log (rowid, identity, partitions, format, topic) SELECT 1, * FROM log",
    ],
)
def test_file_refuses_changes_of_its_identity(data: Path, statement: str) -> None:
    with plain_connection(data) as connection, pytest.raises(sqlite3.IntegrityError, match="for ever"):
        connection.execute(statement)


@pytest.mark.parametrize("table", ["records", "commands"])
def test_file_refuses_rows_of_wrong_types_or_digest_length(data: Path, table: str) -> None:
    with plain_connection(data) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT value in BLOB"):
            connection.execute(f"INSERT INTO {table} VALUES (10, 'order-1', 'text', zeroblob(16))")
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute(f"INSERT INTO {table} VALUES (10, 'order-1', x'00', x'00')")
        for position in (10, SECOND):
            connection.execute(f"INSERT {NEW_RECORD.format(position)}".replace("records", table))


async def test_changed_byte_is_reported_with_its_offset(data: Path) -> None:
    tamper(data, "UPDATE records SET value = ? WHERE position = 3", APPENDED[4].value)
    log = EmbeddedLog.open(data)
    with pytest.raises(LogDamaged, match="partition 0, offset 3 is not what was appended"):
        await log.read(0, 0, 10)
    assert await log.read(0, 4, 10) == build_logged_records(APPENDED[4:], 4)
    await log.close()


async def test_key_that_is_no_text_is_damage(data: Path) -> None:
    tamper(data, "UPDATE records SET key = CAST(x'ff' AS TEXT) WHERE position = 3")
    log = EmbeddedLog.open(data)
    with pytest.raises(LogDamaged, match="at or after partition 0, offset 2"):
        await log.read(0, 2, 10)
    await log.close()


async def test_missing_record_is_reported_with_its_offset(data: Path) -> None:
    tamper(data, "DELETE FROM records WHERE position = 3")
    log = EmbeddedLog.open(data)
    for offset in (0, 3):
        with pytest.raises(LogDamaged, match="partition 0, offset 3 is missing"):
            await log.read(0, offset, 10)
    await log.close()


async def test_damaged_page_is_reported(data: Path) -> None:
    log = EmbeddedLog.open(data)
    await log.append(0, build_entries(1000, 10))
    await log.close()
    with (data / "log.sqlite").open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(size // 8192 * 4096)
        file.write(b"\xff" * 4096)
    log = EmbeddedLog.open(data)
    with pytest.raises(LogDamaged, match="the log is damaged at or after partition 0, offset 0"):
        await log.read(0, 0, 2000)
    await log.close()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no database" * 1000, "not a database"), (b"", "not a log of Ordertrail")],
    ids=["garbage", "empty"],
)
def test_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "log.sqlite").write_bytes(content)
    for open_log in (EmbeddedLog.open, EmbeddedLog.follow):
        with pytest.raises(LogDamaged, match=message):
            open_log(tmp_path)


def test_sqlite_version_that_can_lose_commits_is_refused() -> None:
    for version in [(3, 40, 1), (3, 51, 2)]:
        with pytest.raises(UnsafeSqliteVersion, match="WAL-reset bug"):
            check_sqlite_version(version)
    check_sqlite_version((3, 51, 3))
    check_sqlite_version()


def test_reader_connection_cannot_write(data: Path) -> None:
    refused = pytest.raises(server_sqlite3.OperationalError, match="readonly")
    with closing(connect_reader(data / "log.sqlite")) as connection, refused:
        connection.execute(f"INSERT {NEW_RECORD.format(10)}")


class TestCheckContinues:
    async def test_store_whose_last_record_exists_continues(self, data: Path) -> None:
        log = EmbeddedLog.open(data)
        for next_offset in (1, 5, 10):
            await check_continues(log, 0, next_offset, digest(APPENDED[next_offset - 1].value))
        await log.close()

    async def test_empty_store_continues(self, data: Path) -> None:
        log = EmbeddedLog.open(data)
        await check_continues(log, 0, 0, b"")
        await check_continues(log, 1, 0, b"")
        await log.close()

    @pytest.mark.parametrize("end", [0, 7, 9])
    async def test_log_that_lost_its_end_is_reported(self, data: Path, end: int) -> None:
        tamper(data, f"DELETE FROM records WHERE position >= {end}")
        log = EmbeddedLog.open(data)
        with pytest.raises(LogDamaged, match=f"ends at offset {end}, but records up to offset 9 were read"):
            await check_continues(log, 0, 10, digest(APPENDED[9].value))
        await log.close()

    async def test_log_with_another_record_at_the_position_is_reported(self, data: Path) -> None:
        log = EmbeddedLog.open(data)
        with pytest.raises(LogDamaged, match="partition 0, offset 4 is not the one that was read there before"):
            await check_continues(log, 0, 5, digest(b"another"))
        await log.close()
