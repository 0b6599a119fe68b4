"""A server refuses an older log, such as a backup, in place of the newest one."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.filled_directory import fill_directory, remove_store
from tests.e2e.running_server import RunningServer, read_start_refusal

NOBODY = CommandLine("127.0.0.1:1")
OTHER_DEFINITION = "order-history-0123456789ab.sqlite"


class Backups(NamedTuple):
    """The directory of a stopped server, and two logs that lack some of its facts."""

    data: Path
    shorter: Path
    diverged: Path


@pytest.fixture(scope="module")
def backups(tmp_path_factory: pytest.TempPathFactory) -> Backups:
    return asyncio.run(_backups(tmp_path_factory.mktemp("older")))


async def _backups(directory: Path) -> Backups:
    server, other_server = RunningServer(directory / "data"), RunningServer(directory / "other")
    await fill_directory(server)
    other_server.data.mkdir()
    shutil.copy(server.data / "log.sqlite", other_server.data)
    shorter = directory / "shorter.sqlite"
    shutil.copy(server.data / "log.sqlite", shorter)
    await fill_directory(server)
    await fill_directory(other_server)  # the same number of records, but others
    return Backups(server.data, shorter, other_server.data / "log.sqlite")


@pytest.fixture
def data(backups: Backups, tmp_path: Path) -> Path:
    """A copy of the stopped server's directory."""
    return Path(shutil.copytree(backups.data, tmp_path / "data"))


def keep_only(data: Path, stores: str) -> None:
    """Delete the derived stores except `stores`, and change the definition of a store if `stores` says so."""
    [model] = (data / "read-model").glob("*.sqlite")
    if stores.startswith("state"):
        remove_store(data / "read-model")
    if stores.startswith("read model"):
        remove_store(data / "state.sqlite")
    if stores == "state of another definition":
        with closing(sqlite3.connect(data / "state.sqlite")) as connection:
            connection.execute("UPDATE meta SET definition = zeroblob(32)")
            connection.commit()
    if stores == "read model of another definition":
        model.rename(model.with_name(OTHER_DEFINITION))


def contents(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.rglob("*.sqlite")}


@pytest.mark.parametrize("log", ["shorter", "diverged"])
@pytest.mark.parametrize(
    "stores",
    ["both", "state", "read model", "state of another definition", "read model of another definition"],
)
def test_server_does_not_start_on_a_log_older_than_its_stores(
    backups: Backups, data: Path, stores: str, log: str
) -> None:
    keep_only(data, stores)
    shutil.copy(getattr(backups, log), data / "log.sqlite")
    contents_before = contents(data)
    for _ in range(2):  # a restart policy starts it again
        last_line = read_start_refusal(data).splitlines()[-1]
        assert "is ahead of the log: " in last_line
        assert ("lost records" if log == "shorter" else "is not the one that was read there before") in last_line
        assert contents(data) == contents_before


def test_rebuild_refuses_log_without_facts_of_the_read_model(backups: Backups, data: Path) -> None:
    keep_only(data, "read model")
    shutil.copy(backups.shorter, data / "log.sqlite")
    contents_before = contents(data)
    result = NOBODY.run("rebuild", "--data", str(data))
    assert result.returncode == 1
    assert "is ahead of the log: " in result.stderr
    assert result.stderr.count("\n") == 1
    assert contents(data) == contents_before


async def test_newest_log_is_served_next_to_stores_of_an_earlier_release(data: Path) -> None:
    keep_only(data, "read model of another definition")
    await fill_directory(RunningServer(data))
    assert (data / "read-model" / OTHER_DEFINITION).exists()
