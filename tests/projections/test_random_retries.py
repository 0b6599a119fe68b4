"""Retries of random logs, whatever events the releases know that fold them."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tests.projections.engine_files import open_history_engine, project, read_folded_rows
from tests.projections.memory_directory import memory_directory
from tests.projections.older_release import hide_events
from tests.projections.random_engine import event_names
from tests.projections.random_log import ORDER_IDS, PARTITIONS, LogSteps, build_log, log_steps
from tests.trials import choose_size

from ordertrail_server.log.port import BARRIER

pytestmark = pytest.mark.usefixtures("frequent_snapshots")


@pytest.mark.sampled
@settings(max_examples=choose_size(quick=35, trial=100, long=10_000))
@given(log_steps, event_names, event_names, st.integers(0, 60), st.integers(0, 10_000))
def test_retries_at_any_time_give_the_rows_of_a_fold_that_knows_all_events(
    steps: LogSteps, unknown: set[str], later_unknown: set[str], cut: int, cache_bytes: int
) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        all_records, log.records = log.records, [records[:cut] for records in log.records]
        with closing(await open_history_engine(log, directory / "retried", 7, cache_bytes)) as engine:
            with hide_events(*unknown):
                await engine.catch_up()
            with hide_events(*later_unknown):
                for order_id in ORDER_IDS:
                    await engine.retry(order_id)
                log.records = all_records
                await engine.catch_up()
            for order_id in ORDER_IDS:
                await engine.retry(order_id)
        new_rows = await project(log, directory / "new")
        assert read_folded_rows(directory / "retried").without_retries() == new_rows.without_retries()

    with memory_directory() as directory:
        asyncio.run(compare(directory))


@settings(max_examples=40)
@given(log_steps, event_names)
def test_every_record_is_counted_once_by_the_number_of_its_event(steps: LogSteps, unknown: set[str]) -> None:
    async def count(directory: Path) -> None:
        log = await build_log(steps)
        with closing(await open_history_engine(log, directory, batch=7)) as engine:
            with hide_events(*unknown):
                await engine.catch_up()
            for order_id in ORDER_IDS:
                await engine.retry(order_id)
        written = read_folded_rows(directory).orders["written"]
        for partition in range(PARTITIONS):
            counts = [count for of, _, count in written if of == partition]
            records = [logged for logged in log.records[partition] if logged[1:3] != BARRIER]
            assert sum(counts) == len(records)

    with memory_directory() as directory:
        asyncio.run(count(directory))
