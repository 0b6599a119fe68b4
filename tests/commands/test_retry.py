"""Commands on an order that was parked are decided on all its facts once a retry has freed it."""

from pathlib import Path

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_handler import ProjectedHandler, handle
from tests.commands.running_writer import require_accepted, require_refusal_reason
from tests.commands.sample_requests import ORDER, build_change_quantity, build_confirm_order, build_place_order
from tests.commands.simulation.order_stores import NothingProjected, open_file_store
from tests.log.memory import MemoryLog
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder
from tests.projections.older_release import hide_events

from ordertrail_server.commands.fold import Fold
from ordertrail_server.log.embedded.log import EmbeddedLog


async def test_command_on_freed_order_is_decided_on_all_its_facts(tmp_path: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    async with ProjectedHandler(log, tmp_path / "first").run() as handler:
        await handle(handler, [build_place_order(), build_change_quantity("change", 2)])
    server = ProjectedHandler(log, tmp_path / "projections")
    with hide_events("order_line_quantity_changed"):
        async with server.run() as handler:
            await server.wait_projected()
            refused, replayed = await handle(handler, [build_confirm_order(), build_change_quantity("change", 2)])
            assert (require_refusal_reason(refused), require_accepted(replayed).replayed) == ("ORDER_PARKED", True)
            assert await server.retry(ORDER) == 0
    server = ProjectedHandler(log, tmp_path / "projections")
    async with server.run() as handler:
        [refused] = await handle(handler, [build_confirm_order()])  # a parked order is not retried automatically
        assert require_refusal_reason(refused) == "ORDER_PARKED"
        assert await server.retry(ORDER) == 1
        [confirmed] = await handle(handler, [build_confirm_order()])
        assert require_accepted(confirmed).fact.version == 3
        assert await server.retry(ORDER) is None
    await log.close()


@pytest.fixture
async def log() -> FaultyLog:
    """A log with three facts of an order. The second one is unknown to an older release."""
    builder, log = LogBuilder(), FaultyLog()
    for event in (PLACED, PLUM_ADDED, CONFIRMED):
        builder.add_fact(ORDER, event)
    for entry in builder.records[0]:
        log.land(0, entry)
    return log


@pytest.mark.parametrize("projected", [2, 3])
@pytest.mark.parametrize("reported", [0, 2])
async def test_fold_on_freed_order_equals_fold_that_could_read_everything(
    tmp_path: Path, log: MemoryLog, projected: int, reported: int
) -> None:
    store = await open_file_store(tmp_path / "orders.sqlite", log)
    fold = Fold(log, 0, store)
    with hide_events("order_line_added"):
        await fold.catch_up(2)
        store.project(log.records[0][:projected])
        fold.note_projected(reported)
        assert fold.aggregate(ORDER).parked
    await store.retry(ORDER)
    await fold.catch_up()
    reference = Fold(log, 0, NothingProjected())
    await reference.catch_up()
    assert fold.aggregate(ORDER) == reference.aggregate(ORDER)
    assert (fold.aggregate(ORDER).version, fold.aggregate(ORDER).parked) == (3, "")
    store.close()
