"""A damaged -wal file is refused before its pages get into the file."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from tests.storage.checked.rows import create_rows, flip_bit, insert_rows, read_rows
from tests.trials import choose_size

from ordertrail_server.storage.checked import checkpoint as checked_checkpoint
from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_reader, connect_checked_writer
from ordertrail_server.storage.checked.error import WalDamaged
from ordertrail_server.storage.checked.wal import refuse_damaged_wal
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.database_file import database_files
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.storage.transaction import transaction

FLIPS = choose_size(20, 600, 60_000)
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
    for file in database_files(path)[:2]:
        shutil.copy(file, directory)
    return directory / path.name


def move_pages(writer: Connection) -> None:
    """Checkpoint without truncating the -wal file, as a checkpoint does that a reader blocks."""
    writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


@pytest.mark.sampled
@pytest.mark.timeout(60 + FLIPS)
@pytest.mark.parametrize("is_moved", [False, True], ids=["before a checkpoint", "after a checkpoint"])
def test_flipped_bit_in_the_wal_file_of_a_killed_process_is_damage(
    file: OpenFile, tmp_path: Path, is_moved: bool
) -> None:
    if is_moved:
        move_pages(file.writer)
    crashed, random = copy_crashed(file.path, tmp_path / "crashed"), Random(SEED)
    wal = crashed.with_name(file.wal.name)
    refuse_damaged_wal(crashed)
    for _ in range(FLIPS):
        byte, bit = random.randrange(wal.stat().st_size), random.randrange(8)
        flip_bit(wal, byte, bit)
        with pytest.raises(WalDamaged) as error:
            connect_checked_writer(crashed)
        assert is_damage(error.value), f"byte {byte}, bit {bit}, seed {SEED}"
        flip_bit(wal, byte, bit)
    connect_checked_writer(crashed).close()
    assert read_rows(crashed) == read_rows(file.path)


def test_uncommitted_frames_of_a_killed_process_are_sound(file: OpenFile, tmp_path: Path) -> None:
    file.writer.execute("PRAGMA cache_size = 10")
    rows, size = read_rows(file.path), file.wal.stat().st_size
    with transaction(file.writer):
        file.writer.execute("UPDATE orders SET state = randomblob(9000)")
        assert file.wal.stat().st_size > size
        crashed = copy_crashed(file.path, tmp_path / "crashed")
    connect_checked_writer(crashed).close()
    assert read_rows(crashed) == rows


def test_older_commits_behind_those_of_a_wal_file_that_began_anew_are_sound(file: OpenFile, tmp_path: Path) -> None:
    move_pages(file.writer)
    file.writer.execute("PRAGMA cache_size = 10")
    rows, size = read_rows(file.path), file.wal.stat().st_size
    with transaction(file.writer):
        file.writer.execute("UPDATE orders SET version = version + 1")
        assert file.wal.stat().st_size == size
        crashed = copy_crashed(file.path, tmp_path / "crashed")
    assert file.wal.stat().st_size < size
    connect_checked_writer(crashed).close()
    assert read_rows(crashed) == rows


def test_checkpoint_does_not_move_a_damaged_page(file: OpenFile) -> None:
    before = file.path.read_bytes()
    flip_bit(file.wal, file.wal.stat().st_size // 2, 0)
    with pytest.raises(WalDamaged, match="its -wal file is damaged"):
        CheckedCheckpoints(file.writer, file.path).run()
    file.writer.close()
    assert file.path.read_bytes() == before
    with pytest.raises(WalDamaged):
        connect_checked_writer(file.path)


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
