"""A file of another log or definition is refused, and never built anew without a command."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.log.memory import MemoryLog
from tests.projections.engine_files import open_history_engine, project, read_folded_rows
from tests.projections.log_builder import build_many_orders

from ordertrail_server.log.port import LogDamaged
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.projection_error import ProjectionRefused
from ordertrail_server.storage.checked.connection import connect_checked_writer
from ordertrail_server.storage.database_file import remove_database

BOTH = pytest.mark.parametrize("name", [ORDERS, HISTORY])


def keep_only(directory: Path, name: str) -> None:
    """Remove the files of the other projections, which would be refused as well."""
    for other_name in {ORDERS, HISTORY} - {name}:
        remove_database(live_generation(directory, other_name))


@BOTH
async def test_file_of_another_log_is_refused_and_left_unchanged(tmp_path: Path, name: str) -> None:
    log, other_log = MemoryLog(), MemoryLog()
    await log.append(0, build_many_orders(2))
    rows = await project(log, tmp_path)
    keep_only(tmp_path, name)
    with pytest.raises(ProjectionRefused, match=f"{name}-.* was built from another log"):
        await open_history_engine(other_log, tmp_path)
    keep_only(tmp_path, name)
    assert await project(log, tmp_path) == rows


@BOTH
async def test_log_that_lost_its_end_or_was_changed_is_refused(tmp_path: Path, name: str) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(2))
    await project(log, tmp_path)
    keep_only(tmp_path, name)
    last = log.records[0].pop()
    with pytest.raises(LogDamaged, match="ends at offset 5"):
        await open_history_engine(log, tmp_path)
    log.land(0, build_many_orders(3)[-1])
    assert log.records[0][-1].digest != last.digest
    with pytest.raises(LogDamaged, match="is not the one"):
        await open_history_engine(log, tmp_path)


@BOTH
async def test_file_of_another_definition_under_this_name_is_refused(tmp_path: Path, name: str) -> None:
    log = MemoryLog()
    await project(log, tmp_path)
    with closing(connect_checked_writer(live_generation(tmp_path, name), "NORMAL")) as connection:
        connection.execute("UPDATE ordertrail_meta SET value = ? WHERE key = 'built_by'", (b"?" * 32,))
    rows = read_folded_rows(tmp_path)
    with pytest.raises(ProjectionRefused, match="built by other code"):
        await open_history_engine(log, tmp_path)
    assert read_folded_rows(tmp_path) == rows


@BOTH
async def test_file_with_another_number_of_partitions_is_refused(tmp_path: Path, name: str) -> None:
    log = MemoryLog(partitions=2)
    await project(log, tmp_path)
    keep_only(tmp_path, name)
    with pytest.raises(ProjectionRefused, match=r"from 2 partitions, .* has 3:"):
        await open_history_engine(MemoryLog(partitions=3, identity=log.identity), tmp_path)
