"""A damaged -wal file is refused before its pages get into the file."""

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from tests.storage.checked.rows import Row, create_rows, flip_bit, insert_rows, read_rows
from tests.trials import choose_size

from ordertrail_server.storage.checked import checkpoint as checked_checkpoint
from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_reader, connect_checked_writer
from ordertrail_server.storage.checked.error import WalDamaged, find_damaged_file
from ordertrail_server.storage.checked.wal import begin_checkpoint, refuse_damaged_wal
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.transaction import transaction

FLIPS = choose_size(20, 60, 60_000)
SEED = int(os.environ.get("ORDERTRAIL_FLIP_SEED", str(time.time_ns())))


class OpenFile(NamedTuple):
    """A file with commits in its -wal file, and its writer."""

    path: Path
    wal: Path
    writer: Connection


@pytest.fixture
def file(tmp_path: Path) -> Iterator[OpenFile]:
    path = tmp_path / "any.sqlite"
    create_rows(path, Random(1))
    with closing(connect_checked_writer(path)) as writer:
        for generation in range(2, 5):
            insert_rows(writer, Random(generation), generation)
        yield OpenFile(path, path.with_name("any.sqlite-wal"), writer)


def copy_crashed(path: Path, directory: Path) -> Path:
    """Copy what a process leaves if it is killed now."""
    directory.mkdir()
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-moved")):
        if file.exists():
            shutil.copy(file, directory)
    return directory / path.name


def move_pages(writer: Connection) -> None:
    """Checkpoint without truncating the -wal file, as a checkpoint does that a reader blocks."""
    writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def begin_moving(file: OpenFile) -> None:
    """Checkpoint as far as readers allow, as a process does that is killed before it truncates the -wal file."""
    begin_checkpoint(file.writer, file.path)
    move_pages(file.writer)


def read_crashed(crashed: Path) -> list[list[Row]] | None:
    """Open what a killed process left as its next writer does, and return all rows; None if that finds damage."""
    try:
        connect_checked_writer(crashed).close()
    except sqlite3.Error as error:
        if find_damaged_file(error) != crashed:
            raise
        return None
    return read_rows(crashed)


class Commits(NamedTuple):
    """What a writer left that was killed: the rows after each commit, and the number of the last one that was moved."""

    rows: list[list[list[Row]]]
    moved: int
    crashed: Path


@pytest.fixture(params=[0, 2, 4], ids=["nothing moved", "two moved", "all moved"])
def commits(file: OpenFile, tmp_path: Path, request: pytest.FixtureRequest) -> Commits:
    """Four commits; the checkpoint after some of them moves those before a reader's."""
    CheckedCheckpoints(file.writer, file.path).run()
    rows = [read_rows(file.path)]
    with closing(connect_checked_reader(file.path)) as reader:
        for number in range(1, 5):
            insert_rows(file.writer, Random(number), 10 + number, count=12)
            rows.append(read_rows(file.path))
            if number == 1:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM orders").fetchall()
            if number == request.param:
                begin_moving(file)
        return Commits(rows, request.param, copy_crashed(file.path, tmp_path / "crashed"))


@pytest.mark.sampled
@pytest.mark.timeout(60 + FLIPS)
@pytest.mark.parametrize("kind", ["flipped", "torn", "truncated"])
def test_damaged_wal_file_of_a_killed_process_lacks_only_commits_that_were_not_moved(
    commits: Commits, tmp_path: Path, kind: str
) -> None:
    random, outcomes = Random(SEED), Counter[bool]()
    size = commits.crashed.with_name("any.sqlite-wal").stat().st_size
    for number in range(FLIPS):
        crashed = copy_crashed(commits.crashed, tmp_path / str(number))
        byte, bit = random.randrange(size), random.randrange(8)
        damage_wal(crashed.with_name("any.sqlite-wal"), kind, byte, bit)
        rows = read_crashed(crashed)
        assert rows in (None, *commits.rows[commits.moved :]), f"byte {byte}, bit {bit}, seed {SEED}"
        outcomes[rows is None] += 1
        shutil.rmtree(crashed.parent)
    assert outcomes.keys() == {0: {False}, 2: {False, True}, 4: {True}}[commits.moved]


def damage_wal(wal: Path, kind: str, byte: int, bit: int) -> None:
    """Flip a bit, or lose the end of the file from a byte on as a power cut does, with or without its blocks."""
    if kind == "flipped":
        flip_bit(wal, byte, bit)
        return
    size = wal.stat().st_size
    os.truncate(wal, byte)
    if kind == "torn":
        os.truncate(wal, size)


@pytest.mark.parametrize("is_moved", [False, True])
def test_wal_file_of_a_killed_process_is_sound(file: OpenFile, tmp_path: Path, is_moved: bool) -> None:
    if is_moved:
        begin_moving(file)
    crashed = copy_crashed(file.path, tmp_path / "crashed")
    assert read_crashed(crashed) == read_rows(file.path)


@pytest.mark.parametrize("bit", [0, 40, 70, 127])
def test_damaged_record_of_moved_frames_is_damage_while_there_are_commits(
    file: OpenFile, tmp_path: Path, bit: int
) -> None:
    begin_moving(file)
    crashed = copy_crashed(file.path, tmp_path / "crashed")
    flip_bit(crashed.with_name("any.sqlite-moved"), bit // 8, bit % 8)
    assert read_crashed(crashed) is None


def test_uncommitted_frames_of_a_killed_process_are_sound(file: OpenFile, tmp_path: Path) -> None:
    begin_moving(file)
    file.writer.execute("PRAGMA cache_size = 10")
    rows, size = read_rows(file.path), file.wal.stat().st_size
    with closing(connect_checked_reader(file.path)) as reader, transaction(file.writer):
        reader.execute("BEGIN")  # so that the writer does not begin the -wal file anew
        reader.execute("SELECT count(*) FROM orders").fetchall()
        file.writer.execute("UPDATE orders SET state = randomblob(9000)")
        assert file.wal.stat().st_size > size
        crashed = copy_crashed(file.path, tmp_path / "crashed")
    assert read_crashed(crashed) == rows


def test_older_commits_behind_those_of_a_wal_file_that_began_anew_are_sound(file: OpenFile, tmp_path: Path) -> None:
    begin_moving(file)
    file.writer.execute("PRAGMA cache_size = 10")
    rows, size = read_rows(file.path), file.wal.stat().st_size
    with transaction(file.writer):
        file.writer.execute("UPDATE orders SET version = version + 1")
        assert file.wal.stat().st_size == size
        crashed = copy_crashed(file.path, tmp_path / "crashed")
    assert file.wal.stat().st_size < size
    assert read_crashed(crashed) == rows


def test_commits_that_are_damaged_while_a_reader_is_open_are_refused(file: OpenFile) -> None:
    """A reader keeps SQLite from recovery, which would drop the damaged commits."""
    with closing(connect_checked_reader(file.path)):
        flip_bit(file.wal, file.wal.stat().st_size // 2, 0)
        with pytest.raises(WalDamaged):
            connect_checked_writer(file.path)


def test_checkpoint_does_not_move_a_damaged_page(file: OpenFile) -> None:
    before = file.path.read_bytes()
    flip_bit(file.wal, file.wal.stat().st_size // 2, 0)
    with pytest.raises(WalDamaged, match="its -wal file is damaged"):
        CheckedCheckpoints(file.writer, file.path).run()
    file.writer.close()
    assert file.path.read_bytes() == before


def test_checkpoint_is_due_once_the_wal_file_is_old(file: OpenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = CheckedCheckpoints(file.writer, file.path)
    monkeypatch.setattr(checked_checkpoint, "LIMIT_BYTES", file.wal.stat().st_size + 1)
    checkpoints.run_if_due()
    assert file.wal.stat().st_size > 0
    monkeypatch.setattr(checked_checkpoint, "LIMIT_SECONDS", 0)
    checkpoints.run_if_due()
    assert file.wal.stat().st_size == 0


def test_checkpoint_is_due_once_the_wal_file_is_long(file: OpenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = CheckedCheckpoints(file.writer, file.path)
    size = file.wal.stat().st_size
    monkeypatch.setattr(checked_checkpoint, "LIMIT_BYTES", size + 1)
    checkpoints.run_if_due()
    assert file.wal.stat().st_size == size
    monkeypatch.setattr(checked_checkpoint, "LIMIT_BYTES", size)
    checkpoints.run_if_due()
    assert file.wal.stat().st_size == 0


def test_checkpoint_that_a_reader_blocks_is_tried_again_later(file: OpenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_checkpoint, "PAUSE_FACTOR", 0)
    monkeypatch.setattr(checked_checkpoint, "LIMIT_BYTES", 1)
    checkpoints = CheckedCheckpoints(file.writer, file.path)
    with closing(connect_checked_reader(file.path)) as reader:
        rows = reader.execute("SELECT id FROM orders")
        checkpoints.run_if_due()
        assert file.wal.stat().st_size > 0
        assert len(rows.fetchall()) > 0
    checkpoints.run_if_due()
    assert file.wal.stat().st_size == 0


def test_nothing_checkpoints_by_itself(file: OpenFile) -> None:
    before = file.path.read_bytes()
    for generation in range(5, 8):
        insert_rows(file.writer, Random(generation), generation)
    assert file.wal.stat().st_size > 4096 * 1000
    assert file.path.read_bytes() == before


def test_file_that_another_connection_closes_meanwhile_is_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "any.sqlite"
    create_rows(path, Random(1))

    def open_and_close() -> None:
        for generation in range(2, 100):
            with closing(connect_checked_writer(path)) as writer:
                insert_rows(writer, Random(generation), generation)
                begin_checkpoint(writer, path)

    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(open_and_close)
        while not work.done():
            refuse_damaged_wal(path)
        work.result()


def test_wal_file_that_cannot_be_copied_is_not_taken_for_a_valid_one(
    file: OpenFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_checkpoint(file.writer, file.path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        refuse_damaged_wal(file.path)


def test_commit_to_a_file_with_a_long_schema_can_be_verified(file: OpenFile) -> None:
    with transaction(file.writer):
        for number in range(200):  # a schema of several pages
            file.writer.execute(f"CREATE TABLE shipments_of_region_{number:03} (id TEXT PRIMARY KEY, position INTEGER)")
    checkpoints = CheckedCheckpoints(file.writer, file.path)
    checkpoints.run()
    file.writer.execute("PRAGMA user_version = 1")  # changes the first page of the schema, and no other
    checkpoints.run()
    with closing(connect_checked_reader(file.path)) as reader:
        assert reader.execute("PRAGMA user_version").fetchone() == (1,)
