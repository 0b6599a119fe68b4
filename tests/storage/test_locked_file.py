"""A file that one process writes is a new one, whatever had its name before."""

import os
from collections.abc import Callable
from fcntl import flock
from pathlib import Path
from stat import S_IMODE

import pytest

from ordertrail_server.storage.locked_file import create_locked

MODE = 0o600


def link_precious(path: Path) -> None:
    path.symlink_to("precious")


def hardlink_precious(path: Path) -> None:
    path.hardlink_to(path.with_name("precious"))


def write_shared(path: Path) -> None:
    path.write_text("left")
    path.chmod(0o666)


BEFORE: dict[str, Callable[[Path], None]] = {
    "nothing": lambda path: None,
    "link": link_precious,
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "second name": hardlink_precious,
    "file for everybody": write_shared,
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("prepare", BEFORE.values(), ids=BEFORE)
def test_file_is_new_and_its_owners_whatever_had_its_name(tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    (tmp_path / "precious").write_text("precious")
    path = tmp_path / "file"
    prepare(path)
    descriptor = create_locked(path, MODE)
    os.write(descriptor, b"content")
    os.close(descriptor)
    status = path.lstat()
    assert (path.read_text(), S_IMODE(status.st_mode), status.st_nlink) == ("content", MODE, 1)
    assert {file.name for file in tmp_path.iterdir()} == {"file", "precious"}
    assert (tmp_path / "precious").read_text() == "precious"


def test_file_that_another_process_writes_is_kept(tmp_path: Path) -> None:
    first = create_locked(tmp_path / "file", MODE)
    os.write(first, b"first")
    with pytest.raises(BlockingIOError):
        create_locked(tmp_path / "file", MODE)
    assert (tmp_path / "file").read_text() == "first"
    os.close(first)
    os.close(create_locked(tmp_path / "file", MODE))
    assert (tmp_path / "file").read_text() == ""


def test_file_that_was_replaced_while_it_was_locked_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("left")

    def replace_and_lock(descriptor: int, operation: int) -> None:
        (tmp_path / "other").write_text("other")
        (tmp_path / "other").replace(path)
        flock(descriptor, operation)

    monkeypatch.setattr("ordertrail_server.storage.locked_file.flock", replace_and_lock)
    with pytest.raises(BlockingIOError):
        create_locked(path, MODE)
    assert path.read_text() == "other"


def test_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        create_locked(tmp_path / "file", MODE)
    assert (tmp_path / "file").is_dir()
