"""Only its owner and its group can read a data directory, even with umask 0."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.filled_directory import fill_directory
from tests.e2e.running_server import RunningServer

NOBODY = CommandLine("127.0.0.1:1")


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Set umask 0, here and in the processes that the test starts."""
    umask_before = os.umask(0)
    yield
    os.umask(umask_before)


def list_modes(data: Path) -> dict[str, set[int]]:
    """Return the modes of all directories and files below a directory."""
    paths = [data, *data.rglob("*")]
    return {
        "directories": {S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()},
        "files": {S_IMODE(path.stat().st_mode) for path in paths if path.is_file()},
    }


PRIVATE = {"directories": {0o750}, "files": {0o640}}


async def test_server_creates_files_that_other_users_cannot_read(server: RunningServer) -> None:
    await fill_directory(server)
    server.start()
    assert {path.suffix for path in server.data.rglob("*")} >= {".sqlite", ".sqlite-wal", ".sqlite-shm"}
    assert list_modes(server.data) == PRIVATE


async def test_rebuilt_projections_cannot_be_read_by_other_users(server: RunningServer) -> None:
    await fill_directory(server)
    assert NOBODY.run("rebuild", "--data", str(server.data)).returncode == 0
    assert list_modes(server.data) == PRIVATE


async def test_file_modes_set_by_the_operator_are_kept(server: RunningServer) -> None:
    server.data.mkdir(0o700)
    await fill_directory(server)
    (server.data / "log.sqlite").chmod(0o600)
    (server.data / "LOCK").chmod(0o600)
    await fill_directory(server)
    modes_by_name = {path.name: S_IMODE(path.stat().st_mode) for path in (server.data, *server.data.iterdir())}
    assert modes_by_name == {
        "data": 0o700,
        "log.sqlite": 0o600,
        "LOCK": 0o600,
        "commands": 0o750,
        "projections": 0o750,
        "subscriptions.sqlite": 0o640,
        "subscriptions.sqlite-moved": 0o640,
    }
