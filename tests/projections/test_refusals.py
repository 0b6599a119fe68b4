"""A read model of another log or definition is refused, and never rebuilt without a command."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.log.memory import MemoryLog
from tests.projections.log_builder import build_many_orders
from tests.projections.random_log import project
from tests.projections.stored_rows import read_rows

from ordertrail_server.log.port import LogDamaged
from ordertrail_server.projections.projector import Projector
from ordertrail_server.projections.projector_error import ReadModelRefused
from ordertrail_server.storage.connection import connect_writer


async def test_read_model_of_another_log_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    log, other_log = MemoryLog(), MemoryLog()
    await log.append(0, build_many_orders(2))
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    expected_rows = read_rows(tmp_path / "model")
    with pytest.raises(ReadModelRefused, match="model was built from another log"):
        await Projector.open(other_log, tmp_path / "model")
    assert read_rows(tmp_path / "model") == expected_rows


async def test_log_that_lost_its_end_or_was_changed_is_refused(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(2))
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    last = log.records[0].pop()
    with pytest.raises(LogDamaged, match="ends at offset 5"):
        await Projector.open(log, tmp_path / "model")
    log.land(0, build_many_orders(3)[-1])
    assert log.records[0][-1].digest != last.digest
    with pytest.raises(LogDamaged, match="is not the one"):
        await Projector.open(log, tmp_path / "model")


async def test_read_model_of_another_definition_under_this_name_is_refused(tmp_path: Path) -> None:
    log = MemoryLog()
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    with closing(connect_writer(tmp_path / "model", "NORMAL")) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'definition'", (b"?" * 32,))
    with pytest.raises(ReadModelRefused, match="built by other code"):
        await Projector.open(log, tmp_path / "model")
