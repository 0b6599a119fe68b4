"""Each file is committed by itself. A process may die between the commits, and no fact is lost or applied twice."""

import asyncio
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.projections.killed_engine import BATCHES, OTHERS, PARKED, build_log_with_parked_orders
from tests.projections.log_builder import write_log
from tests.projections.processes import ENVIRONMENT
from tests.projections.random_engine import project_all, read_all_rows
from tests.projections.sample_projections import Ledger, Tally
from tests.projections.stored_rows import Rows, without_retries

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.opened_engine import open_engine


def ignore_retries(rows: dict[str, Rows]) -> dict[str, Rows]:
    return {name: without_retries(rows_of) for name, rows_of in rows.items()}


async def run_until_killed(data: Path, name: str, number: int) -> None:
    """Fold a log in a process that is killed; see killed_engine.py."""
    await asyncio.to_thread(write_log, data, build_log_with_parked_orders().records[0])
    command = [sys.executable, "-m", "tests.projections.killed_engine", str(data), name, str(number)]
    process = await asyncio.create_subprocess_exec(*command, env=ENVIRONMENT, stderr=subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    rows = read_all_rows(DataDirectory(data).projections)
    assert rows[ORDERS]["ordertrail_positions"] != rows[name]["ordertrail_positions"]


@pytest.mark.parametrize("name", [Ledger.name, Tally.name])
@pytest.mark.parametrize("number", [1, BATCHES, BATCHES + 1, BATCHES + 2])
async def test_each_fact_is_applied_once_though_the_process_was_killed_between_two_commits(
    tmp_path: Path, name: str, number: int
) -> None:
    await run_until_killed(tmp_path, name, number)
    directory, log = DataDirectory(tmp_path).projections, EmbeddedLog.follow(tmp_path)
    with closing(await open_engine(log, directory, OTHERS, batch=3)) as engine:
        await engine.catch_up()
        results = [await engine.retry(order_id) for order_id in PARKED]
    committed_retries = max(0, number - BATCHES)
    assert results[:committed_retries] == [None] * committed_retries
    rows = read_all_rows(directory)
    [_] = {tuple(rows_of["ordertrail_positions"]) for rows_of in rows.values()}  # the same in all files
    assert ignore_retries(rows) == ignore_retries(await project_all(log, tmp_path / "new"))
    await log.close()
