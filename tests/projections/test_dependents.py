"""Projections in a process of their own take the verdicts of `orders`, which another process extends meanwhile."""

from contextlib import closing
from pathlib import Path

from tests.log.memory import MemoryLog
from tests.projections.killed_engine import OTHERS, PARKED, UNKNOWN, build_log_with_parked_orders
from tests.projections.log_builder import CONFIRMED, create_log
from tests.projections.older_release import hide_events
from tests.projections.random_engine import project_all, read_all_rows
from tests.projections.sample_projections import Ledger
from tests.projections.stored_rows import without_retries

from ordertrail_server.log.port import Logged
from ordertrail_server.projections.dependents import Dependents
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.opened_engine import open_dependents, open_engine


async def catch_up(dependents: Dependents) -> None:
    while await dependents.fold_round([0], lambda positions: None):
        pass


async def test_records_that_orders_has_not_judged_are_not_applied(tmp_path: Path) -> None:
    builder = build_log_with_parked_orders()
    log = await create_log(builder)
    with closing(await open_engine(log, tmp_path, [])) as engine:
        await engine.catch_up()
        builder.add_fact("order-1", CONFIRMED)
        await log.append(0, builder.records[0][-1:])
        with closing(await open_dependents(log, tmp_path, OTHERS)) as dependents:
            await catch_up(dependents)
            assert dependents.positions == {name: {0: 8} for name in OTHERS}
            await engine.catch_up()
            await catch_up(dependents)
    assert read_all_rows(tmp_path) == await project_all(log, tmp_path / "new")


class RetryingLog(MemoryLog):
    """Lets an engine retry the parked orders just before a batch is read."""

    engine: Engine | None = None

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        if limit > 1 and self.engine is not None:
            engine, self.engine = self.engine, None
            for order_id in PARKED:
                await engine.retry(order_id)
        return await super().read(partition, offset, limit)


async def test_facts_of_an_order_that_a_retry_frees_meanwhile_are_applied_after_those_that_waited(
    tmp_path: Path,
) -> None:
    log = RetryingLog()
    await log.append(0, build_log_with_parked_orders().records[0])
    with (
        closing(await open_engine(log, tmp_path, [])) as engine,
        closing(await open_folded_dependents(log, tmp_path, engine)) as dependents,
    ):
        log.engine = engine
        await catch_up(dependents)  # ends before the facts of the freed orders
        await catch_up(dependents)
        assert dependents.stopped == {}
    [rows] = read_all_rows(tmp_path, [Ledger.name]).values()
    new_rows = (await project_all(log, tmp_path / "new"))[Ledger.name]
    assert without_retries(rows) == without_retries(new_rows)


async def open_folded_dependents(log: MemoryLog, directory: Path, engine: Engine) -> Dependents:
    """Fold the log into `orders` without knowing an event, and a part of it into a projection."""
    with hide_events(UNKNOWN):
        await engine.catch_up()
        dependents = await open_dependents(log, directory, [Ledger.name], batch=4)
        await dependents.fold_round([0], lambda positions: None)
    assert dependents.positions[Ledger.name] == {0: 4}
    return dependents


async def test_fact_that_can_no_longer_be_read_is_not_skipped_and_stops_projections_that_are_behind(
    tmp_path: Path,
) -> None:
    log = await create_log(build_log_with_parked_orders())
    with closing(await open_engine(log, tmp_path, [])) as engine:
        await engine.catch_up()
    with closing(await open_engine(log, tmp_path, OTHERS)) as engine:
        with hide_events(UNKNOWN):
            await engine.catch_up()
        assert engine.stopped == dict.fromkeys(OTHERS, "the record at offset 2 was a fact, but can no longer be read")
    assert await project_all(log, tmp_path) == await project_all(log, tmp_path / "new")
