"""An older log, as of a backup, put in the place of the newest one: refused before the first answer."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.running_server import RunningServer, refusal_to_start
from tests.e2e.test_starting import filled, remove

NOBODY = CommandLine("127.0.0.1:1")
OTHER_DEFINITION = "order-history-0123456789ab.sqlite"


class Backups(NamedTuple):
    """A stopped server's directory, and two logs that lack what it holds."""

    data: Path
    shorter: Path
    diverged: Path


@pytest.fixture(scope="module")
def backups(tmp_path_factory: pytest.TempPathFactory) -> Backups:
    return asyncio.run(_backups(tmp_path_factory.mktemp("older")))


async def _backups(directory: Path) -> Backups:
    server, other = RunningServer(directory / "data"), RunningServer(directory / "other")
    await filled(server)
    other.data.mkdir()
    shutil.copy(server.data / "log.sqlite", other.data)
    shorter = directory / "shorter.sqlite"
    shutil.copy(server.data / "log.sqlite", shorter)
    await filled(server)
    await filled(other)  # the same number of records, and others
    return Backups(server.data, shorter, other.data / "log.sqlite")


@pytest.fixture
def data(backups: Backups, tmp_path: Path) -> Path:
    """The stopped server's directory, to be changed."""
    return Path(shutil.copytree(backups.data, tmp_path / "data"))


def keep_only(data: Path, kept: str) -> None:
    """Delete the derived stores but those that are kept; one of another definition takes its place."""
    [model] = (data / "read-model").glob("*.sqlite")
    if kept.startswith("state"):
        remove(data / "read-model")
    if kept.startswith("read model"):
        remove(data / "state.sqlite")
    if kept == "state of another definition":
        with closing(sqlite3.connect(data / "state.sqlite")) as connection:
            connection.execute("UPDATE meta SET definition = zeroblob(32)")
            connection.commit()
    if kept == "read model of another definition":
        model.rename(model.with_name(OTHER_DEFINITION))


def contents(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.rglob("*.sqlite")}


@pytest.mark.parametrize("log", ["shorter", "diverged"])
@pytest.mark.parametrize(
    "kept",
    ["both", "state", "read model", "state of another definition", "read model of another definition"],
)
def test_an_older_log_is_refused_before_the_first_answer(backups: Backups, data: Path, kept: str, log: str) -> None:
    keep_only(data, kept)
    shutil.copy(getattr(backups, log), data / "log.sqlite")
    before = contents(data)
    for _ in range(2):  # a restart policy starts it again
        said = refusal_to_start(data).splitlines()[-1]
        assert "knows more than the log: " in said
        assert ("lost records" if log == "shorter" else "is not the one that was read there before") in said
        assert contents(data) == before


def test_a_rebuild_does_not_destroy_what_a_read_model_knows_of_lost_facts(backups: Backups, data: Path) -> None:
    keep_only(data, "read model")
    shutil.copy(backups.shorter, data / "log.sqlite")
    before = contents(data)
    ended = NOBODY.run("rebuild", "--data", str(data))
    assert ended.returncode == 1
    assert "knows more than the log: " in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert contents(data) == before


async def test_the_newest_log_is_served_beside_stores_of_an_earlier_release(data: Path) -> None:
    keep_only(data, "read model of another definition")
    await filled(RunningServer(data))
    assert (data / "read-model" / OTHER_DEFINITION).exists()
