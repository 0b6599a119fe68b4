"""The file of `orders` was built anew, for example because it was lost: other projections wait, and then continue."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.log.memory import MemoryLog
from tests.projections.killed_engine import OTHERS, UNKNOWN, build_log_with_parked_orders
from tests.projections.log_builder import CONFIRMED, PLACED, create_log
from tests.projections.older_release import hide_events
from tests.projections.random_engine import ALL, project_all, read_all_rows
from tests.projections.sample_projections import Ledger

from ordertrail_server.log.port import Logged
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.projections.projection_error import PositionMoved
from ordertrail_server.storage.database_file import remove_database


async def open_without_orders(log: MemoryLog, directory: Path) -> Engine:
    """Lose the file of `orders`, and open the engine."""
    remove_database(live_generation(directory, ORDERS))
    return await open_engine(log, directory, OTHERS, batch=3)


@pytest.mark.parametrize("unknown", [[], [UNKNOWN]], ids=["no order is parked", "orders are parked"])
async def test_projections_keep_their_rows_until_orders_has_reached_them(tmp_path: Path, unknown: list[str]) -> None:
    log = await create_log(build_log_with_parked_orders())
    with hide_events(*unknown):
        rows = await project_all(log, tmp_path)
        with closing(await open_without_orders(log, tmp_path)) as engine:
            while await engine.fold_round([0], lambda positions: None):
                assert read_all_rows(tmp_path, OTHERS) == {name: rows[name] for name in OTHERS}
            assert engine.stopped == {}
    assert read_all_rows(tmp_path) == rows


async def test_records_behind_a_projection_that_was_ahead_are_applied_once(tmp_path: Path) -> None:
    builder = build_log_with_parked_orders()
    log = await create_log(builder)
    await project_all(log, tmp_path)
    for event in (PLACED, CONFIRMED):
        builder.add_fact("order-3", event)
    await log.append(0, builder.records[0][-2:])
    with closing(await open_without_orders(log, tmp_path)) as engine:
        await engine.catch_up()
    assert read_all_rows(tmp_path) == await project_all(log, tmp_path / "new")


async def test_facts_that_waited_are_applied_if_they_are_facts_in_the_new_file_of_orders(tmp_path: Path) -> None:
    builder = build_log_with_parked_orders()
    log = await create_log(builder)
    with hide_events(UNKNOWN):
        await project_all(log, tmp_path)
    builder.add_fact("order-1", CONFIRMED)
    await log.append(0, builder.records[0][-1:])
    with closing(await open_without_orders(log, tmp_path)) as engine:
        await engine.catch_up()
    assert read_all_rows(tmp_path) == await project_all(log, tmp_path / "new")


async def test_order_that_is_parked_in_the_new_file_of_orders_alone_is_freed_by_a_retry(tmp_path: Path) -> None:
    builder = build_log_with_parked_orders()
    log = await create_log(builder)
    await project_all(log, tmp_path)
    builder.add_fact("order-1", CONFIRMED)
    await log.append(0, builder.records[0][-1:])
    with closing(await open_without_orders(log, tmp_path)) as engine:
        with hide_events(UNKNOWN):
            await engine.catch_up()
        for order_id in ("order-1", "order-2"):
            await engine.retry(order_id)
    rows, new_rows = read_all_rows(tmp_path), await project_all(log, tmp_path / "new")
    assert {name: rows[name]["ordertrail_waiting"] for name in ALL} == {name: [] for name in ALL}
    assert rows[Ledger.name]["messages"] == new_rows[Ledger.name]["messages"]
    assert rows[Ledger.name]["parked"] == []


class PausedLog(MemoryLog):
    """Lets another engine catch up when a single record is read, as the records of freed facts are."""

    other_engine: Engine | None = None

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        if limit == 1 and self.other_engine is not None:
            other_engine, self.other_engine = self.other_engine, None
            await other_engine.catch_up()
        return await super().read(partition, offset, limit)


async def test_two_engines_that_free_the_same_facts_apply_them_once(tmp_path: Path) -> None:
    log = PausedLog()
    await log.append(0, build_log_with_parked_orders().records[0])
    with hide_events(UNKNOWN):
        await project_all(log, tmp_path)
    remove_database(live_generation(tmp_path, ORDERS))
    with closing(await open_engine(log, tmp_path, [])) as engine:
        await engine.catch_up()
    with (
        closing(await open_engine(log, tmp_path, OTHERS)) as first_engine,
        closing(await open_engine(log, tmp_path, OTHERS)) as second_engine,
    ):
        log.other_engine = second_engine
        with pytest.raises(PositionMoved):
            await first_engine.catch_up()
    assert read_all_rows(tmp_path) == await project_all(log, tmp_path / "new")
