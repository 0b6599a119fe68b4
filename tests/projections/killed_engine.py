"""A process that is killed within a transaction of a projection.

    python -m tests.projections.killed_engine DIRECTORY PROJECTION NUMBER

It folds the log of the directory without knowing one event, and then retries the parked orders, knowing all. It kills
itself when the projection has written the rows of its batch NUMBER, and before it commits them.
"""

import asyncio
import os
import signal
import sys
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from tests.projections.installed_samples import install_samples
from tests.projections.log_builder import PLACED, PLUM_ADDED, LogBuilder, remove
from tests.projections.older_release import hide_events
from tests.projections.sample_projections import Ledger, Tally

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.catalog import HISTORY, TIMELINE
from ordertrail_server.projections.opened_engine import open_engine

UNKNOWN = "order_line_added"
PARKED = ["order-1", "order-2"]
OTHERS = [HISTORY, TIMELINE, Ledger.name, Tally.name]
BATCHES = 3  # the next batches are those of the retries


def build_log_with_parked_orders() -> LogBuilder:
    """Return the records of two orders, whose second facts hold the unknown event."""
    builder = LogBuilder()
    for event in (PLACED, PLUM_ADDED, remove("apple"), remove("pear")):
        for order_id in PARKED:
            builder.add_fact(order_id, event)
    return builder


async def run(directory: Path) -> None:
    log = EmbeddedLog.follow(directory)
    with closing(await open_engine(log, DataDirectory(directory).projections, OTHERS, batch=3)) as engine:
        with hide_events(UNKNOWN):
            await engine.catch_up()
        for order_id in PARKED:
            await engine.retry(order_id)


def kill_within(projection: type[Ledger] | type[Tally], number: int) -> None:
    """Kill this process when the projection has written the rows of its batch `number`."""
    apply, batches = projection.apply, count(1)

    def apply_and_die(self: Any, batch: Batch, database: Database) -> None:
        apply(self, batch, database)
        if next(batches) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    projection.apply = apply_and_die  # type: ignore[method-assign]  # until the process is killed


if __name__ == "__main__":
    samples: dict[str, type[Ledger] | type[Tally]] = {"ledger": Ledger, "tally": Tally}
    kill_within(samples[sys.argv[2]], int(sys.argv[3]))
    with install_samples():
        asyncio.run(run(Path(sys.argv[1])))
