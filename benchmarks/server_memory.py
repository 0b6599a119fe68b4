"""The memory of a server and its projector on a large log, compared with a small one."""

import asyncio
import tempfile
from pathlib import Path

from benchmarks.batched_commands import commands_per_second
from benchmarks.process_status import list_statuses
from benchmarks.sample_orders import create_log
from benchmarks.server_process import run_ordertrail
from benchmarks.table import Row

BATCH, BATCHES = 100, 50


def measure(few: int, many: int) -> Row:
    """Return the resident memory in MB after a server has folded a log and executed some commands."""
    small, large = _measure(few), _measure(many)
    name = f"memory of a server and its projector, {many:,} events"
    return Row(name, "MB", large, f"the same with {few:,} events", small, max_ratio=1.1)


def _measure(events: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        with run_ordertrail(data) as address:
            asyncio.run(commands_per_second(address, BATCH, BATCHES))
            return sum(status.megabytes for status in list_statuses(str(data)))
