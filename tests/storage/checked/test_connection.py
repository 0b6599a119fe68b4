"""Connections to checked files: they create, share, roll back and recover files as other connections do."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from stat import S_IMODE
from threading import Barrier

import pytest
from tests.storage.checked.processes import ROWS_A_TRANSACTION, read_committed, run_writer
from tests.storage.checked.rows import find_files
from tests.storage.descriptor_limit import exhaust_descriptors
from tests.trials import choose_size

from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_reader, connect_checked_writer
from ordertrail_server.storage.checked.empty_database import PAGE_BYTES, build_empty_database, compute_checksum
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import OutOfDescriptors, is_damage, is_in_use
from ordertrail_server.storage.transaction import transaction

KILLS = choose_size(3, 20, 2_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "any.sqlite"


@pytest.fixture
def writer(path: Path) -> Iterator[Connection]:
    with closing(connect_checked_writer(path)) as writer:
        writer.execute("CREATE TABLE numbers (n UNIQUE, text TEXT)")
        yield writer


def read_numbers(connection: Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]


def assert_every_page_has_its_checksum(path: Path) -> None:
    content = path.read_bytes()
    pages = [content[offset : offset + PAGE_BYTES] for offset in range(0, len(content), PAGE_BYTES)]
    assert all(compute_checksum(page[:-8]) == page[-8:] for page in pages)


def test_new_file_is_an_empty_database(path: Path) -> None:
    with closing(connect_checked_writer(path)) as writer:
        assert writer.execute("SELECT * FROM sqlite_schema").fetchall() == []
        assert writer.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert path.read_bytes() == build_empty_database()


def test_file_that_several_writers_create_at_once_is_one_sound_database(tmp_path: Path) -> None:
    for number in range(20):
        path, start = tmp_path / f"{number}.sqlite", Barrier(4)

        def create(path: Path = path, start: Barrier = start) -> None:
            start.wait()
            with closing(connect_checked_writer(path)) as writer, transaction(writer):
                writer.execute("CREATE TABLE IF NOT EXISTS numbers (n)")
                writer.execute("INSERT INTO numbers VALUES (1)")

        with ThreadPoolExecutor(4) as threads:
            for task in [threads.submit(create) for _ in range(4)]:
                task.result()
        with closing(connect_checked_reader(path)) as reader:
            assert read_numbers(reader) == [1] * 4


def test_files_have_the_mode_of_other_databases(writer: Connection, path: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    files = [file for file in find_files(path) if file.exists()]
    assert {S_IMODE(file.stat().st_mode) for file in files} == {0o640 & ~umask}
    assert len(files) == len(list(path.parent.iterdir())) == 4


def test_wal_file_of_a_removed_file_is_not_applied_to_a_new_one(writer: Connection, path: Path, tmp_path: Path) -> None:
    new_path = tmp_path / "new" / "any.sqlite"
    new_path.parent.mkdir()
    new_path.with_name("any.sqlite-wal").write_bytes(path.with_name("any.sqlite-wal").read_bytes())
    with closing(connect_checked_writer(new_path)) as new_writer:
        assert new_writer.execute("SELECT * FROM sqlite_schema").fetchall() == []


def test_file_that_a_killed_process_left_incomplete_is_created_again(path: Path) -> None:
    path.with_name("any.sqlite-new").write_bytes(b"SQLite")
    connect_checked_writer(path).close()
    assert_every_page_has_its_checksum(path)
    assert set(path.parent.iterdir()) <= set(find_files(path))


def test_missing_file_cannot_be_read(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open") as error:
        connect_checked_reader(path)
    assert not is_damage(error.value)
    assert not path.exists()


def test_lack_of_descriptors_is_not_damage(writer: Connection, path: Path) -> None:
    writer.execute("INSERT INTO numbers VALUES (1, '')")
    with exhaust_descriptors():
        with pytest.raises(OutOfDescriptors):
            CheckedCheckpoints(writer, path).run()
        for connect in (connect_checked_reader, connect_checked_writer):
            for file in (path, path.with_name("new.sqlite")):
                with pytest.raises(OutOfDescriptors):
                    connect(file)


def test_reader_refuses_to_write(writer: Connection, path: Path) -> None:
    with closing(connect_checked_reader(path)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO numbers VALUES (1, '')")


def test_errors_have_the_classes_of_other_connections(writer: Connection, path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        writer.execute("INSERT INTO numbers VALUES (1, ''), (1, '')")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        writer.execute("SELECT * FROM missing")
    with closing(connect_checked_writer(path)) as second, transaction(writer):
        second.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError, match="locked") as error:
            second.execute("BEGIN IMMEDIATE")
        assert is_in_use(error.value)


def test_transaction_is_rolled_back_if_its_body_raises(writer: Connection, path: Path) -> None:
    writer.execute("INSERT INTO numbers VALUES (1, '')")
    numbers = [*range(2, 1_000), 2]
    with pytest.raises(sqlite3.IntegrityError), transaction(writer):
        writer.executemany("INSERT INTO numbers VALUES (?, ?)", [(n, "long" * 2_000) for n in numbers])
    assert read_numbers(writer) == [1]
    CheckedCheckpoints(writer, path).run()
    assert_every_page_has_its_checksum(path)


def test_vacuum_keeps_the_checksums(writer: Connection, path: Path) -> None:
    with transaction(writer):
        writer.executemany("INSERT INTO numbers VALUES (?, ?)", [(n, "long" * 2_000) for n in range(100)])
    writer.execute("DELETE FROM numbers WHERE n > 9")
    writer.execute("VACUUM")
    CheckedCheckpoints(writer, path).run()
    assert path.stat().st_size < 40 * PAGE_BYTES
    assert_every_page_has_its_checksum(path)
    with closing(connect_checked_reader(path)) as reader:
        assert read_numbers(reader) == list(range(10))


def test_reader_keeps_its_state_during_a_checkpoint(writer: Connection, path: Path) -> None:
    writer.execute("INSERT INTO numbers VALUES (1, '')")
    with closing(connect_checked_reader(path)) as reader:
        reader.execute("BEGIN")
        assert read_numbers(reader) == [1]
        writer.execute("INSERT INTO numbers VALUES (2, '')")
        with pytest.raises(sqlite3.OperationalError) as error:
            CheckedCheckpoints(writer, path).run(timeout_s=0)
        assert is_in_use(error.value)
        assert read_numbers(reader) == [1]
        reader.execute("COMMIT")
        CheckedCheckpoints(writer, path).run()
        assert read_numbers(reader) == [1, 2]


def test_reader_sees_whole_transactions_of_another_process(path: Path) -> None:
    with run_writer(path) as process:
        committed = read_committed(process, 2)
        with closing(connect_checked_reader(path)) as reader:
            for _ in range(40):
                [row_count] = reader.execute(
                    "SELECT count(*) FROM numbers INDEXED BY by_text WHERE text > ''"
                ).fetchone()
                assert row_count % ROWS_A_TRANSACTION == 0
                assert row_count >= committed * ROWS_A_TRANSACTION
                committed = read_committed(process, 1)


@pytest.mark.sampled
@pytest.mark.timeout(60 + 5 * KILLS)
def test_commits_of_a_killed_process_are_kept(path: Path) -> None:
    for kill in range(KILLS):
        with run_writer(path) as process:
            committed = read_committed(process, 5 + kill % 17)
            process.kill()
        with closing(connect_checked_writer(path)) as writer:
            [row_count] = writer.execute("SELECT count(*) FROM numbers").fetchone()
            assert writer.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert row_count % ROWS_A_TRANSACTION == 0
        assert row_count >= committed * ROWS_A_TRANSACTION
