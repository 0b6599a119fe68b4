"""Opening a data directory to serve it."""

from pathlib import Path

import pytest
from tests.log.contract import build_entries, build_logged_records

from ordertrail_server.log.data_directory import DataDirectory, open_to_serve
from ordertrail_server.log.embedded.file import UNFINISHED
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.storage.lock import DataDirectoryRefused


def list_names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_missing_directory_gets_a_new_log(tmp_path: Path) -> None:
    log = open_to_serve(tmp_path / "far" / "away", partitions=3)
    assert log.partitions == 3
    await log.close()
    assert list_names(tmp_path / "far" / "away") == ["LOCK", "log.sqlite"]


@pytest.mark.parametrize("name", ["plain", "with space", "50%? #1", "änderung"])
async def test_data_directory_can_have_any_name(tmp_path: Path, name: str) -> None:
    log = open_to_serve(tmp_path / name)
    assert await log.append(0, build_entries(1)) == [0]
    await log.close()
    assert list_names(tmp_path) == [name]
    assert list_names(tmp_path / name) == ["LOCK", "log.sqlite"]


async def test_unused_directory_gets_a_new_log(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "projections").mkdir()
    (tmp_path / "read-model").mkdir()
    (tmp_path / "LOCK").write_text("12345\n")
    await open_to_serve(tmp_path).close()
    assert (tmp_path / "log.sqlite").exists()


async def test_unfinished_log_is_created_anew(tmp_path: Path) -> None:
    for name in UNFINISHED:
        (tmp_path / name).write_bytes(b"half a log")
    log = open_to_serve(tmp_path)
    assert await log.append(0, build_entries(3)) == [0, 1, 2]
    await log.close()
    assert list_names(tmp_path) == ["LOCK", "log.sqlite"]


async def test_existing_log_keeps_its_identity_and_partitions(tmp_path: Path) -> None:
    first = open_to_serve(tmp_path, partitions=2)
    await first.append(1, build_entries(3, partition=1))
    await first.close()
    (tmp_path / "state.sqlite").touch()
    reopened_log = open_to_serve(tmp_path, partitions=5)
    assert (reopened_log.identity, reopened_log.partitions) == (first.identity, 2)
    assert await reopened_log.read(1, 0, 10) == build_logged_records(build_entries(3, partition=1))
    await reopened_log.close()


@pytest.mark.parametrize(
    "remains",
    [
        "projections/orders-0123456789ab-1.sqlite",
        "state.sqlite",
        "read-model/orders.sqlite",
        "log.sqlite-wal",
        "state.sqlite-wal",
    ],
)
def test_stores_without_their_log_are_refused_and_unchanged(tmp_path: Path, remains: str) -> None:
    (tmp_path / remains).parent.mkdir(exist_ok=True)
    (tmp_path / remains).write_bytes(b"built from facts")
    with pytest.raises(DataDirectoryRefused, match=f"holds {remains}, but no log.sqlite.*Restore log.sqlite"):
        open_to_serve(tmp_path)
    assert (tmp_path / remains).read_bytes() == b"built from facts"
    assert not (tmp_path / "log.sqlite").exists()


def test_directory_with_foreign_files_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataDirectoryRefused, match=r"other files \(thesis.txt\) and no log"):
        open_to_serve(tmp_path)
    assert list_names(tmp_path) == ["thesis.txt"]


def test_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DataDirectoryRefused, match="is not a directory"):
        open_to_serve(tmp_path / "data")


def test_follow_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryRefused, match="holds no log"):
        EmbeddedLog.follow(tmp_path)


async def test_log_is_never_created_over_another(tmp_path: Path) -> None:
    await EmbeddedLog.create(tmp_path).close()
    with pytest.raises(FileExistsError):
        EmbeddedLog.create(tmp_path)


@pytest.mark.parametrize("partitions", [0, -1, 32_769])
def test_invalid_partition_count_is_refused(tmp_path: Path, partitions: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 32768 partitions"):
        EmbeddedLog.create(tmp_path, partitions=partitions)
    assert not (tmp_path / "log.sqlite").exists()


def test_files_of_a_data_directory_have_fixed_names(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    assert [data.log.name, data.projections.name] == ["log.sqlite", "projections"]
