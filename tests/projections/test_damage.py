"""A projection that was damaged on disk is reported by projector and reads, and can be rebuilt."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.projections.engine_files import open_history_engine, read_folded_rows
from tests.projections.log_builder import build_many_orders, write_log
from tests.projections.processes import ENVIRONMENT, build_projector_command

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.exit_code import DAMAGED
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.rebuild import rebuild
from ordertrail_server.storage.sqlite import sqlite3

PAGE = 4096
ENTRIES = build_many_orders(510)
PROJECTED, FURTHER = ENTRIES[:1500], ENTRIES[1500:]


FROM_PAGE = pytest.mark.parametrize("first", [0, 3], ids=["from its header on", "behind its schema"])
NAME = pytest.mark.parametrize("name", [ORDERS, HISTORY])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory with closed projections of 1,500 records."""
    write_log(tmp_path, PROJECTED)
    rebuild(tmp_path, lambda done, total: None)
    return tmp_path


def find_live_file(data: Path, name: str) -> Path:
    return live_generation(DataDirectory(data).projections, name)


@pytest.mark.parametrize(("name", "first"), [(ORDERS, 0), (ORDERS, 3), (HISTORY, 0)])
def test_projector_reports_a_damaged_file(data: Path, name: str, first: int) -> None:
    file = find_live_file(data, name)
    overwrite(file, first)
    asyncio.run(append(data))
    process = subprocess.run(
        build_projector_command(data), input="", capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    reports = [json.loads(line) for line in process.stdout.splitlines()]
    assert [[*report["damaged"]] for report in reports if "damaged" in report] == [[str(file)]], process.stderr
    # Without `orders`, nothing can be folded.
    assert process.returncode == (DAMAGED if name == ORDERS else 0)


@NAME
@FROM_PAGE
def test_rebuild_restores_a_damaged_file(data: Path, name: str, first: int) -> None:
    expected_rows = read_folded_rows(DataDirectory(data).projections)
    overwrite(find_live_file(data, name), first)
    rebuild(data, lambda done, total: None)
    assert read_folded_rows(DataDirectory(data).projections) == expected_rows


@asynccontextmanager
async def open_reads(data: Path) -> AsyncIterator[tuple[ReadModel, Log]]:
    log = EmbeddedLog.follow(data)
    reads = ReadModel(find_live_file(data, HISTORY), log.lineage, log.topic)
    yield reads, log
    reads.close()
    await log.close()


async def test_schema_that_is_not_utf_8_is_damage(data: Path) -> None:
    async with open_reads(data) as (reads, log):
        reads.path.write_bytes(reads.path.read_bytes().replace(b"CREATE TABLE", b"CREATE TABL\xc5", 1))
        with pytest.raises(Refused, match="is damaged"):
            await reads.read(count_everything)
        with closing(await open_history_engine(log, DataDirectory(data).projections)) as engine:
            assert engine.damaged.keys() == {reads.path}


@FROM_PAGE
async def test_reads_of_a_damaged_file_are_unavailable(data: Path, first: int) -> None:
    async with open_reads(data) as (reads, _):
        overwrite(reads.path, first)
        with pytest.raises(Refused) as error:
            await reads.read(count_everything)
        assert error.value.refusal.reason == ERROR_REASON_UNAVAILABLE
        assert "is damaged" in error.value.refusal.message


async def test_faulty_statement_is_not_reported_as_damage(data: Path) -> None:
    async with open_reads(data) as (reads, _):
        with pytest.raises(sqlite3.ProgrammingError):
            await reads.read(lambda connection: connection.execute("SELECT ?"))


def overwrite(path: Path, first: int) -> None:
    """Overwrite all pages from `first` (0 is the file's header) on, except the last one."""
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        file.seek(first * PAGE)
        file.write(b"\xa5" * PAGE * (pages - 1 - first))


def count_everything(connection: sqlite3.Connection) -> int:
    total = 0
    for table in ("event_products", "events"):
        total += len(connection.execute(f"SELECT * FROM {table}").fetchall())
    return total


async def append(directory: Path) -> None:
    log = EmbeddedLog.open(directory)
    await log.append(0, FURTHER)
    await log.close()
