"""A log of format 1 is migrated by the process that serves it, and by no other."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.log.contract import build_entries, build_logged_records
from tests.log.embedded.format_1 import APPENDED, IDENTITY, create_format_1, open_file, read_format, read_schema

from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.embedded.file import LOG_FILE
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.embedded.migration import migrate
from ordertrail_server.log.port import Log, LogDamaged, LogRefused
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_in_use

NEW_RECORDS = build_entries(3, 11)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return create_format_1(tmp_path / "data")


async def require_appended_records(log: Log) -> None:
    for partition, entries in enumerate(APPENDED):
        assert await log.read(partition, 0, 100) == build_logged_records(entries)


async def test_log_of_format_1_keeps_its_identity_and_records_and_grows(data: Path) -> None:
    log = open_to_serve(data)
    assert (log.identity, log.partitions, log.topic) == (IDENTITY, 2, "orders.events")
    await require_appended_records(log)
    assert await log.append(0, NEW_RECORDS) == [10, 11, 12]
    await log.close()
    assert read_format(data) == 2
    reopened_log = open_to_serve(data)
    assert await reopened_log.read(0, 0, 100) == build_logged_records([*APPENDED[0], *NEW_RECORDS])
    await reopened_log.close()


async def create_new(directory: Path) -> Path:
    await open_to_serve(directory).close()
    return directory


async def test_migrated_file_has_the_schema_of_a_new_file(data: Path, tmp_path: Path) -> None:
    new = await create_new(tmp_path / "new")
    assert read_schema(data) < read_schema(new)
    await open_to_serve(data).close()
    assert read_schema(data) == read_schema(new)
    assert (read_format(data), read_format(new)) == (2, 2)


async def test_follower_reads_a_log_of_format_1_without_changing_it(data: Path) -> None:
    before = (data / LOG_FILE).read_bytes()
    follower = EmbeddedLog.follow(data)
    assert (follower.identity, follower.partitions) == (IDENTITY, 2)
    await require_appended_records(follower)
    await follower.close()
    assert (data / LOG_FILE).read_bytes() == before
    assert read_format(data) == 1


async def test_follower_continues_while_the_log_is_migrated(data: Path) -> None:
    follower = EmbeddedLog.follow(data)
    log = open_to_serve(data)
    await log.append(0, NEW_RECORDS)
    await follower.wait(0, 12)
    assert await follower.read(0, 0, 100) == build_logged_records([*APPENDED[0], *NEW_RECORDS])
    await follower.close()
    await log.close()


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("CREATE INDEX by_key ON records (key)", "its schema would differ.*: index by_key[.]"),
        ("DROP TRIGGER records_are_never_changed", "its schema would differ.*: trigger records_are_never_changed[.]"),
        ("ALTER TABLE log ADD COLUMN note TEXT", "its schema would differ.*: table log[.]"),
        ("CREATE TABLE commands (note TEXT)", "table commands already exists"),
    ],
)
def test_file_that_another_program_changed_is_refused_and_stays_as_it_is(
    data: Path, change: str, difference: str
) -> None:
    with open_file(data) as connection:
        connection.execute(change)
    before = read_schema(data)
    with pytest.raises(LogRefused, match=f"migrated to format 2.*{difference}"):
        open_to_serve(data)
    assert (read_format(data), read_schema(data)) == (1, before)


@pytest.mark.parametrize("change", ["ANALYZE", "VACUUM", "DROP TRIGGER log_is_never_changed"])
async def test_change_that_the_migration_tolerates_does_not_prevent_it(data: Path, tmp_path: Path, change: str) -> None:
    with open_file(data) as connection:
        connection.execute(change)
    await open_to_serve(data).close()
    assert read_schema(data) == read_schema(await create_new(tmp_path / "new"))


def cut_in_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 8192 * 4096)


def damage_last_record(path: Path) -> None:
    content = path.read_bytes()
    value = APPENDED[0][-1].value
    assert content.count(value) == 1
    path.write_bytes(content.replace(value, value[:-1] + b"?"))


def damage_free_pages(path: Path) -> None:
    """Let the header name a page of the schema as the first free page, which the migration would use."""
    with path.open("r+b") as file:
        file.seek(32)
        file.write((2).to_bytes(4, "big") + (1).to_bytes(4, "big"))


@pytest.mark.parametrize("damage", [cut_in_half, damage_last_record, damage_free_pages])
def test_damaged_log_of_format_1_is_reported_and_not_changed(data: Path, damage: Callable[[Path], None]) -> None:
    damage(data / LOG_FILE)
    before = (data / LOG_FILE).read_bytes()
    with pytest.raises(LogDamaged, match=r"is damaged|not what was appended"):
        open_to_serve(data)
    assert (data / LOG_FILE).read_bytes() == before


async def test_migration_on_a_full_disk_is_refused_and_the_next_one_succeeds(data: Path) -> None:
    with closing(connect_writer(data / LOG_FILE)) as connection:
        connection.execute("PRAGMA max_page_count = 1")  # in effect the present size, as on a full disk
        with pytest.raises(LogRefused, match="could not be migrated to format 2: database or disk is full"):
            migrate(connection, 1)
    assert read_format(data) == 1
    await open_to_serve(data).close()
    assert read_format(data) == 2


def test_migration_beside_another_writer_raises_that_the_file_is_in_use(data: Path) -> None:
    with open_file(data) as second_writer, closing(connect_writer(data / LOG_FILE)) as connection:
        second_writer.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError) as error:
            migrate(connection, 1)
    assert is_in_use(error.value)
    assert read_format(data) == 1


async def test_log_of_the_present_format_is_not_migrated(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    await open_to_serve(data).close()
    assert caplog.messages == ["log.sqlite was migrated from format 1 to format 2, which earlier releases do not read"]
    await open_to_serve(data).close()
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("open_log", [EmbeddedLog.open, EmbeddedLog.follow])
def test_log_of_a_newer_format_is_refused(data: Path, open_log: Callable[[Path], Log]) -> None:
    with open_file(data) as connection:
        connection.execute("DROP TRIGGER log_is_never_changed")
        connection.execute("UPDATE log SET format = 3")
    with pytest.raises(LogRefused) as refusal:
        open_log(data)
    assert str(refusal.value) == (
        "log.sqlite has format 3, and this release reads formats 1 to 2: use the release that wrote it, or a newer one"
    )


async def test_releases_that_only_know_format_1_find_another_format_where_they_read_it(tmp_path: Path) -> None:
    await create_new(tmp_path / "new")
    with open_file(tmp_path / "new") as connection:
        [row] = connection.execute("SELECT identity, partitions, format, topic FROM log")
    assert row[1:] == (1, 2, "orders.events")
