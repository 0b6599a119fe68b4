"""The check that a log has all records that are folded in the stores of its directory, by any release."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.log.memory import MemoryLog
from tests.projections.engine_files import project
from tests.projections.log_builder import build_many_orders

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.derived_stores import refuse_lost_facts
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.lock import DataDirectoryRefused

LOG_ID = b"the log's own id"
# What releases keep in their stores about the log, by file name. A release may find stores of each older one.
STATE = """
CREATE TABLE meta (log_id BLOB NOT NULL, definition BLOB NOT NULL) STRICT;
CREATE TABLE positions (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, digest BLOB NOT NULL) STRICT;
INSERT INTO meta SELECT value, x'00' FROM projection.ordertrail_meta WHERE key = 'log_id';
INSERT INTO positions SELECT partition, next_offset, digest FROM projection.ordertrail_positions;
"""
READ_MODEL = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE positions (
    partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, digest BLOB NOT NULL, retries INTEGER NOT NULL
) STRICT;
INSERT INTO meta SELECT * FROM projection.ordertrail_meta;
INSERT INTO positions SELECT * FROM projection.ordertrail_positions;
"""
STORES = {
    "state.sqlite": STATE,
    "read-model/order-history-0123456789ab.sqlite": READ_MODEL,
    "read-model/order-history-0123456789ab.sqlite.new": READ_MODEL,
    "projections/orders-0123456789ab-1.sqlite": None,  # as this release writes it
}
CreateStore = Callable[[MemoryLog], Awaitable[Path]]


def build_log(entries: int, partitions: int = 1, identity: bytes = LOG_ID) -> MemoryLog:
    log = MemoryLog(partitions=partitions, identity=identity)
    for entry in build_many_orders(4)[:entries]:
        log.land(0, entry)
    return log


def copy_positions(projection: Path, store: Path, script: str | None) -> None:
    """Write a store of the shape that the script gives, or that the projection has, at the projection's position."""
    if script is None:
        projection.replace(store)
        return
    with closing(connect_writer(store, "NORMAL")) as connection:
        connection.execute("ATTACH ? AS projection", (str(projection),))
        connection.executescript(script)


@pytest.fixture(params=STORES)
def create_store(request: pytest.FixtureRequest, tmp_path: Path) -> CreateStore:
    """Build a store of another definition than the current one from a log, and return its file."""

    async def create_store(log: MemoryLog) -> Path:
        path: Path = tmp_path / request.param
        path.parent.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=tmp_path) as directory:
            await project(log, Path(directory), batch=10)
            projection = live_generation(Path(directory), ORDERS)
            copy_positions(projection, path, STORES[request.param])
        return path

    return create_store


async def test_log_that_has_grown_is_accepted(create_store: CreateStore, tmp_path: Path) -> None:
    path = await create_store(build_log(6))
    before = path.read_bytes()
    for entries in (6, 12):
        await refuse_lost_facts(build_log(entries), DataDirectory(tmp_path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("entries", [0, 1, 5])
async def test_log_that_ends_before_its_store_is_refused(
    create_store: CreateStore, tmp_path: Path, entries: int
) -> None:
    name = (await create_store(build_log(6))).relative_to(tmp_path)
    with pytest.raises(LogDamaged, match=f"{name} is ahead of the log: .* ends at offset {entries}"):
        await refuse_lost_facts(build_log(entries), DataDirectory(tmp_path))


@pytest.mark.parametrize("entries", [6, 12])
async def test_log_with_other_records_than_its_store_is_refused(
    create_store: CreateStore, tmp_path: Path, entries: int
) -> None:
    await create_store(build_log(6))
    another_log = MemoryLog(identity=LOG_ID)
    for entry in build_many_orders(5)[:entries]:
        another_log.land(0, entry)
    with pytest.raises(LogDamaged, match="offset 5 is not the one that was read there before"):
        await refuse_lost_facts(another_log, DataDirectory(tmp_path))


async def test_other_log_is_refused(create_store: CreateStore, tmp_path: Path) -> None:
    await create_store(build_log(6))
    with pytest.raises(DataDirectoryRefused, match="was built from another log"):
        await refuse_lost_facts(build_log(6, identity=b"another log's id"), DataDirectory(tmp_path))


@pytest.mark.parametrize("partitions", [1, 3])
async def test_log_with_another_partition_count_is_refused(
    create_store: CreateStore, tmp_path: Path, partitions: int
) -> None:
    await create_store(build_log(6, partitions=2))
    with pytest.raises(DataDirectoryRefused, match=f"from 2 partitions, .* has {partitions}:"):
        await refuse_lost_facts(build_log(6, partitions), DataDirectory(tmp_path))


@pytest.mark.parametrize("content", [b"", b"no database" * 100])
async def test_damaged_or_empty_store_is_skipped(create_store: CreateStore, tmp_path: Path, content: bytes) -> None:
    path = await create_store(build_log(6))
    path.write_bytes(content)
    await refuse_lost_facts(build_log(0), DataDirectory(tmp_path))
    assert path.read_bytes() == content


async def test_store_without_tables_is_skipped(create_store: CreateStore, tmp_path: Path) -> None:
    path = await create_store(build_log(6))
    path.unlink()
    connect_writer(path, "NORMAL").close()
    await refuse_lost_facts(build_log(0), DataDirectory(tmp_path))


async def test_unreadable_store_is_refused(create_store: CreateStore, tmp_path: Path) -> None:
    path = await create_store(build_log(6))
    path.unlink()
    path.mkdir()
    with pytest.raises(DataDirectoryRefused, match=f"{path} cannot be compared with the log for now"):
        await refuse_lost_facts(build_log(6), DataDirectory(tmp_path))
