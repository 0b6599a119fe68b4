"""A server refuses an older log, such as a backup, in place of the newest one."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.filled_directory import fill_directory, projection_file, remove_store
from tests.e2e.running_server import RunningServer, read_start_refusal

from ordertrail_server.projections.catalog import HISTORY, ORDERS

NOBODY = CommandLine("127.0.0.1:1")
OTHER_DEFINITION = "0123456789ab"
# The tables that earlier releases kept in these files, as far as they concern the log.
OLD_STORES = {
    "state.sqlite": (
        "CREATE TABLE meta (log_id BLOB)",
        "CREATE TABLE positions (partition INTEGER, position INTEGER, digest BLOB)",
        "INSERT INTO meta VALUES (?)",
    ),
    "read-model/order-history-0123456789ab.sqlite": (
        "CREATE TABLE meta (key TEXT, value BLOB)",
        "CREATE TABLE positions (partition INTEGER, next_offset INTEGER, digest BLOB)",
        "INSERT INTO meta VALUES ('log_id', ?)",
    ),
}


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
    """Delete the derived stores except `stores`, or replace them by those of another release."""
    if stores in OLD_STORES:
        write_old_store(data, stores)
        remove_store(data / "projections")
    kept_stores, _, definition = stores.partition(" of ")
    for name in (ORDERS, HISTORY):
        file = projection_file(data, name)
        if kept_stores not in (name, "both"):
            remove_store(file)
        elif definition:
            file.rename(other_definition(file))


def other_definition(file: Path) -> Path:
    """Return the file of the same projection, as a release with another definition names it."""
    name, _, number = file.name.split("-")
    return file.with_name(f"{name}-{OTHER_DEFINITION}-{number}")


def write_old_store(data: Path, name: str) -> None:
    """Write a store as earlier releases kept it, at the position of the projections."""
    with closing(sqlite3.connect(projection_file(data, ORDERS))) as connection:
        [(log_id,)] = connection.execute("SELECT value FROM ordertrail_meta WHERE key = 'log_id'").fetchall()
        positions = connection.execute("SELECT partition, next_offset, digest FROM ordertrail_positions").fetchall()
    (data / name).parent.mkdir(exist_ok=True)
    create_meta, create_positions, insert_meta = OLD_STORES[name]
    with closing(sqlite3.connect(data / name)) as connection:
        connection.execute(create_meta)
        connection.execute(create_positions)
        connection.execute(insert_meta, (log_id,))
        connection.executemany("INSERT INTO positions VALUES (?, ?, ?)", positions)
        connection.commit()


def contents(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.rglob("*.sqlite")}


@pytest.mark.parametrize("log", ["shorter", "diverged"])
@pytest.mark.parametrize(
    "stores",
    ["both", "orders", "history", "orders of another definition", "history of another definition", *OLD_STORES],
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


def test_rebuild_refuses_log_without_facts_of_a_projection(backups: Backups, data: Path) -> None:
    keep_only(data, "history")
    shutil.copy(backups.shorter, data / "log.sqlite")
    contents_before = contents(data)
    result = NOBODY.run("rebuild", "--data", str(data))
    assert result.returncode == 1
    assert "is ahead of the log: " in result.stderr
    assert result.stderr.count("\n") == 1
    assert contents(data) == contents_before


@pytest.mark.parametrize("stores", ["history of another definition", *OLD_STORES])
async def test_newest_log_is_served_next_to_stores_of_an_earlier_release(data: Path, stores: str) -> None:
    keep_only(data, stores)
    path = data / stores if stores in OLD_STORES else other_definition(projection_file(data, HISTORY))
    content = path.read_bytes()
    await fill_directory(RunningServer(data))
    assert path.read_bytes() == content


async def test_stores_of_an_earlier_release_can_be_deleted(data: Path) -> None:
    for name in OLD_STORES:
        write_old_store(data, name)
        remove_store(data / Path(name).parts[0])
    await fill_directory(RunningServer(data))
