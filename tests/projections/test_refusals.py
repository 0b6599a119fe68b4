"""A read model that does not belong to the log, or to this code, is refused and never rebuilt in silence."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.log.memory import MemoryLog
from tests.projections.happenings import project
from tests.projections.story import many_orders, rows

from ordertrail_server.log.port import LogDamaged
from ordertrail_server.log.sqlite import connect_writer
from ordertrail_server.projections.order_history import refuse_foreign
from ordertrail_server.projections.projector import Projector
from ordertrail_server.projections.refused import ReadModelRefused


async def test_a_read_model_of_another_log_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    log, other = MemoryLog(), MemoryLog()
    await log.append(0, many_orders(2))
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    before = rows(tmp_path / "model")
    with pytest.raises(ReadModelRefused, match="model was built from another log"):
        await Projector.open(other, tmp_path / "model")
    assert rows(tmp_path / "model") == before


async def test_a_log_that_lost_its_end_or_was_changed_is_refused(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, many_orders(2))
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    last = log.records[0].pop()
    with pytest.raises(LogDamaged, match="ends at offset 5"):
        await Projector.open(log, tmp_path / "model")
    log.land(0, many_orders(3)[-1])
    assert log.records[0][-1].digest != last.digest
    with pytest.raises(LogDamaged, match="is not the one"):
        await Projector.open(log, tmp_path / "model")


async def test_a_read_model_of_other_code_under_this_name_is_refused(tmp_path: Path) -> None:
    log = MemoryLog()
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    with closing(connect_writer(tmp_path / "model", "NORMAL")) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'definition'", (b"?" * 32,))
    with pytest.raises(ReadModelRefused, match="built by other code"):
        await Projector.open(log, tmp_path / "model")


async def test_before_a_server_listens_a_read_model_of_another_log_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    log, other = MemoryLog(), MemoryLog()
    await log.append(0, many_orders(2))
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    before = (tmp_path / "model").read_bytes()
    refuse_foreign(tmp_path / "model", log)
    with pytest.raises(ReadModelRefused, match="model was built from another log"):
        refuse_foreign(tmp_path / "model", other)
    assert (tmp_path / "model").read_bytes() == before


@pytest.mark.parametrize("partitions", [1, 3])
async def test_so_is_one_of_another_number_of_partitions(tmp_path: Path, partitions: int) -> None:
    log = MemoryLog(partitions=2)
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    with pytest.raises(ReadModelRefused, match=rf"from 2 partitions, and the topic orders\.events has {partitions}:"):
        refuse_foreign(tmp_path / "model", MemoryLog(partitions=partitions, identity=log.identity))


@pytest.mark.parametrize("content", [None, b"", b"no database" * 100])
def test_a_read_model_that_is_missing_or_unreadable_is_left_to_the_projector(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "model").write_bytes(content)
    refuse_foreign(tmp_path / "model", MemoryLog())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == (
        {} if content is None else {"model": content}
    )


def test_a_read_model_that_is_not_begun_is_left_to_the_projector(tmp_path: Path) -> None:
    connect_writer(tmp_path / "model", "NORMAL").close()
    refuse_foreign(tmp_path / "model", MemoryLog())
