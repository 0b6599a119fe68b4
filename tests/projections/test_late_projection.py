"""A projection that is behind reads the log with the verdicts of `orders`, and gets the same rows as any other."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tests.projections.memory_directory import memory_directory
from tests.projections.random_engine import (
    OTHERS,
    RandomEngine,
    engine_steps,
    event_names,
    project_all,
    read_all_rows,
)
from tests.projections.random_log import ORDER_IDS, LogSteps, build_log, log_steps
from tests.projections.stored_rows import without_retries
from tests.trials import choose_size

from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.database_file import remove_database

EXAMPLES = choose_size(quick=25, trial=100, long=20_000)

EngineSteps = list[tuple[str, object]]


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(log_steps, event_names, engine_steps)
def test_projections_that_come_and_go_have_the_rows_of_new_ones(
    log_of: LogSteps, unknown: set[str], steps: EngineSteps
) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(log_of)
        engine = RandomEngine(log, directory, unknown)
        await engine.run(steps)
        engine.close()
        rows = read_all_rows(directory)
        for name in OTHERS:
            remove_database(live_generation(directory, name))
        assert await project_all(log, directory) == rows

    with memory_directory() as directory:
        asyncio.run(compare(directory))


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(log_steps, event_names, engine_steps)
def test_retries_at_any_time_give_every_projection_the_rows_of_a_fold_that_knows_all_events(
    log_of: LogSteps, unknown: set[str], steps: EngineSteps
) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(log_of)
        engine = RandomEngine(log, directory / "retried", unknown)
        await engine.run(steps)
        for order_id in ORDER_IDS:
            await engine.retry(order_id)
        engine.close()
        rows = {name: without_retries(rows) for name, rows in read_all_rows(directory / "retried").items()}
        new_rows = await project_all(log, directory / "new")
        assert rows == {name: without_retries(rows) for name, rows in new_rows.items()}

    with memory_directory() as directory:
        asyncio.run(compare(directory))


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(log_steps, st.integers(1, 10))
def test_any_split_into_batches_gives_every_projection_the_same_rows(steps: LogSteps, batch: int) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        assert await project_all(log, directory / "at-once") == await project_all(log, directory / "split", batch)

    with memory_directory() as directory:
        asyncio.run(compare(directory))
