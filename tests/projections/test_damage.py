"""A read model that was damaged on disk is refused by projector and reads, and can be rebuilt."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.projections.log_builder import build_many_orders, write_log
from tests.projections.processes import ENVIRONMENT, build_projector_command
from tests.projections.stored_rows import read_rows

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.definition import read_model_file
from ordertrail_server.projections.process import REFUSED
from ordertrail_server.projections.projector import Projector
from ordertrail_server.projections.rebuild import rebuild
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage

PAGE = 4096
ENTRIES = build_many_orders(510)
PROJECTED, FURTHER = ENTRIES[:1500], ENTRIES[1500:]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the path of a closed read model of 1,500 records."""
    write_log(tmp_path, PROJECTED)
    rebuild(tmp_path, lambda done, total: None)
    return read_model_file(DataDirectory(tmp_path).read_model)


@pytest.mark.parametrize("first", [0, 3], ids=["from its header on", "behind its schema"])
def test_projector_refuses_a_damaged_read_model_in_one_line(tmp_path: Path, model: Path, first: int) -> None:
    overwrite(model, first)
    asyncio.run(append(tmp_path))
    process = subprocess.run(
        build_projector_command(tmp_path), input="", capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    [line] = process.stderr.splitlines()
    assert process.returncode == REFUSED, line
    assert line.startswith(f"the read model {model} is damaged (")
    assert line.endswith("; stop the server and run `ordertrail rebuild`, or delete it")


@pytest.mark.parametrize("first", [0, 3], ids=["from its header on", "behind its schema"])
def test_rebuild_restores_a_damaged_read_model(tmp_path: Path, model: Path, first: int) -> None:
    expected_rows = read_rows(model)
    overwrite(model, first)
    rebuild(tmp_path, lambda done, total: None)
    assert read_rows(model) == expected_rows


async def test_schema_that_is_not_utf_8_is_damage(tmp_path: Path) -> None:
    await asyncio.to_thread(write_log, tmp_path, PROJECTED)
    await asyncio.to_thread(rebuild, tmp_path, lambda done, total: None)
    log = EmbeddedLog.follow(tmp_path)
    reads = ReadModel(read_model_file(DataDirectory(tmp_path).read_model), log.identity, log.topic, log.partitions)
    reads.path.write_bytes(reads.path.read_bytes().replace(b"CREATE TABLE", b"CREATE TABL\xc5", 1))
    with pytest.raises(Refused, match="is damaged"):
        await reads.read(count_everything)
    with pytest.raises(sqlite3.Error) as error:
        await Projector.open(log, reads.path)
    assert is_damage(error.value)
    reads.close()
    await log.close()


@pytest.mark.parametrize("first", [0, 3], ids=["from its header on", "behind its schema"])
async def test_reads_of_a_damaged_read_model_are_unavailable(tmp_path: Path, first: int) -> None:
    await asyncio.to_thread(write_log, tmp_path, PROJECTED)
    await asyncio.to_thread(rebuild, tmp_path, lambda done, total: None)
    log = EmbeddedLog.follow(tmp_path)
    reads = ReadModel(read_model_file(DataDirectory(tmp_path).read_model), log.identity, log.topic, log.partitions)
    overwrite(reads.path, first)
    with pytest.raises(Refused) as error:
        await reads.read(count_everything)
    assert error.value.refusal.reason == ERROR_REASON_UNAVAILABLE
    assert "is damaged" in error.value.refusal.message
    reads.close()
    await log.close()


async def test_faulty_statement_is_not_reported_as_damage(tmp_path: Path) -> None:
    await asyncio.to_thread(write_log, tmp_path, PROJECTED)
    await asyncio.to_thread(rebuild, tmp_path, lambda done, total: None)
    log = EmbeddedLog.follow(tmp_path)
    reads = ReadModel(read_model_file(DataDirectory(tmp_path).read_model), log.identity, log.topic, log.partitions)
    with pytest.raises(sqlite3.ProgrammingError):
        await reads.read(lambda connection: connection.execute("SELECT ?"))
    reads.close()
    await log.close()


def overwrite(path: Path, first: int) -> None:
    """Overwrite all pages from `first` (0 is the file's header) on, except the last one."""
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        file.seek(first * PAGE)
        file.write(b"\xa5" * PAGE * (pages - 1 - first))


def count_everything(connection: sqlite3.Connection) -> int:
    total = 0
    for table in ("orders", "events"):
        total += len(connection.execute(f"SELECT * FROM {table}").fetchall())
    return total


async def append(directory: Path) -> None:
    log = EmbeddedLog.open(directory)
    await log.append(0, FURTHER)
    await log.close()
