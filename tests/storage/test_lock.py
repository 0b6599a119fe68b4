"""The lock of a data directory that another process replaces."""

import fcntl
import os
from pathlib import Path

import pytest

from ordertrail_server.storage import lock
from ordertrail_server.storage.lock import DataDirectoryBusy, is_locked, lock_directory
from ordertrail_server.storage.rename import exchange_names


def test_lock_of_a_directory_that_is_replaced_at_this_moment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a server would serve the new directory with the lock of the old one, which keeps nobody out."""
    for name in ("data", "data.restoring"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "LOCK").touch()

    def replace_and_lock(descriptor: int, operation: int) -> None:
        exchange_names(tmp_path / "data", tmp_path / "data.restoring")
        fcntl.flock(descriptor, operation)

    with monkeypatch.context() as patch:
        patch.setattr(lock, "flock", replace_and_lock)
        with pytest.raises(DataDirectoryBusy, match="was replaced"), lock_directory(tmp_path / "data"):
            pass
    with lock_directory(tmp_path / "data"):
        pass


def test_lock_writes_to_no_file_that_a_link_names(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "data" / "LOCK").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), lock_directory(tmp_path / "data"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_pipe_in_place_of_the_lock_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "LOCK")
    assert not is_locked(tmp_path)
