"""The projections over a whole log, compared with a loop that does the same Python work and writes the same rows.

Both are measured in processor time, because both use one processor all the time.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from benchmarks.bare_fold import fold_bare
from benchmarks.sample_orders import create_log
from benchmarks.table import Row
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.projections.catalog import BUILT_IN
from ordertrail_server.projections.dependents import BATCH
from ordertrail_server.projections.opened_engine import open_engine

MIN_RATIO = 0.6
ROUNDS = 3

Clock = Callable[[], float]


def measure(events: int) -> Row:
    """Return the events/s of the engine with new projections and of the bare fold, measured alternately."""
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        for round_ in range(ROUNDS):
            limit.append(events / asyncio.run(_seconds_of_bare_fold(data, Path(folder) / f"bare-{round_}")))
            directory = Path(folder) / f"projections-{round_}"
            ours.append(events / asyncio.run(seconds_on_embedded(data, directory, process_time)))
    name = f"projections from offset 0, of {events:,} events"
    peer = "a bare loop with the same work and rows"
    return Row(name, "events/s", median(ours), peer, median(limit), min_ratio=MIN_RATIO)


async def seconds_of_engine(log: Log, directory: Path, clock: Clock = perf_counter) -> float:
    """Fold a whole log into new projections and close the log; return the seconds by a clock."""
    start = clock()
    with closing(await open_engine(log, directory, BUILT_IN)) as engine:
        await engine.catch_up()
    seconds = clock() - start
    await log.close()
    return seconds


async def seconds_on_embedded(data: Path, directory: Path, clock: Clock = perf_counter) -> float:
    """Return the seconds of the engine on the log of a data directory."""
    return await seconds_of_engine(EmbeddedLog.follow(data), directory, clock)


async def _seconds_of_bare_fold(data: Path, directory: Path) -> float:
    log = EmbeddedLog.follow(data)
    start = process_time()
    await fold_bare(log, directory, BATCH)
    seconds = process_time() - start
    await log.close()
    return seconds
