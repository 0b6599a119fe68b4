"""The projection `product_totals` counts each event once, on the day of its fact, however it gets there."""

import asyncio
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from tests.log.memory import MemoryLog
from tests.projections.log_builder import PLACED, PLUM_ADDED, LogBuilder
from tests.projections.product_totals.random_orders import NOON, Step, count_log, steps
from tests.projections.projection_fold import Fold, fold_later, fold_live
from tests.trials import choose_size

from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced
from ordertrail_server.projections import earlier_orders
from ordertrail_server.projections.catalog import HISTORY, PRODUCT_TOTALS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.projections.product_totals.quantities import MAX_QUANTITY
from ordertrail_server.storage.connection import connect_reader

ROWS = "SELECT product_id, day, ordered, shipped, returned FROM product_totals ORDER BY product_id, day"


def read_totals(directory: Path) -> list[tuple[Any, ...]]:
    with closing(connect_reader(live_generation(directory, PRODUCT_TOTALS))) as connection:
        return connection.execute(ROWS).fetchall()


WHOLE_LIFE = [Step("o", kind, "apple", quantity, 20) for quantity, kind in enumerate(["add", "change", "ship"], 3)]


@pytest.mark.sampled
@pytest.mark.parametrize("fold", [fold_live, fold_later])
@settings(max_examples=choose_size(quick=25, trial=60, long=10_000))
@given(life_steps=steps, batch=st.integers(1, 9), has_cache=st.booleans())
@example(life_steps=[*WHOLE_LIFE, Step("o", "return", "", 0, 20)], batch=1, has_cache=False)
@example(life_steps=[*WHOLE_LIFE, Step("o", "cancel", "", 0, 20)], batch=2, has_cache=False)
def test_totals_are_the_sum_of_all_events_by_product_and_day(
    fold: Fold, life_steps: list[Step], batch: int, has_cache: bool
) -> None:
    async def compare(directory: Path) -> None:
        counted, log = await count_log(life_steps)
        await fold(PRODUCT_TOTALS, log, directory, batch)
        assert read_totals(directory) == counted.rows

    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(earlier_orders, "CACHE_BYTES", 1_000_000 if has_cache else 0)
        asyncio.run(compare(Path(directory)))


async def test_quantities_that_no_command_accepts_do_not_overflow_a_total(tmp_path: Path) -> None:
    builder = LogBuilder()
    for number in range(3):
        line = OrderedLine(product_id="apple", quantity=2**62)
        builder.add_fact(
            f"o-{number}", OrderPlaced(lines=[line, OrderedLine(product_id="pear", quantity=-(2**62))]), NOON
        )
    log = MemoryLog()
    await log.append(0, builder.records[0])
    await fold_live(PRODUCT_TOTALS, log, tmp_path)
    day = "2025-06-15"
    assert read_totals(tmp_path) == [
        ("apple", day, 3 * MAX_QUANTITY, 0, 0),
        ("pear", day, -3 * MAX_QUANTITY, 0, 0),
    ]


async def test_product_on_two_lines_of_an_order_counts_with_both(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("o", OrderPlaced(lines=[OrderedLine(product_id="apple", quantity=n) for n in (2, 3)]), NOON)
    log = MemoryLog()
    await log.append(0, builder.records[0])
    await fold_live(PRODUCT_TOTALS, log, tmp_path)
    assert read_totals(tmp_path) == [("apple", "2025-06-15", 5, 0, 0)]


async def test_waiting_facts_of_a_parked_order_do_not_count(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("o", PLACED, NOON)
    builder.add_future_event("o")
    builder.add_fact("o", PLUM_ADDED, NOON)
    log = MemoryLog()
    await log.append(0, builder.records[0])
    await fold_live(PRODUCT_TOTALS, log, tmp_path)
    assert [row[0] for row in read_totals(tmp_path)] == ["apple", "pear"]


async def test_file_of_totals_that_cannot_be_opened_stops_no_other_projection(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("o", PLACED, NOON)
    log = MemoryLog()
    await log.append(0, builder.records[0])
    await fold_live(PRODUCT_TOTALS, log, tmp_path)
    live_generation(tmp_path, PRODUCT_TOTALS).write_bytes(b"no database, " * 1_000)
    with closing(await open_engine(log, tmp_path, [HISTORY, PRODUCT_TOTALS])) as engine:
        await engine.catch_up()
        assert engine.positions[HISTORY] == {0: 1}
        assert "is damaged" in engine.stopped[PRODUCT_TOTALS]
