"""The bytes on disk for each event: all files of a data directory, compared with the log alone.

The timeline, which can be left out, has a row of its own (timeline.py).
"""

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.sample_orders import create_log
from benchmarks.table import Row
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.catalog import own_names
from ordertrail_server.projections.opened_engine import open_engine

MAX_BYTES = 1_000


def measure(events: int) -> Row:
    """Return the bytes an event after all projections are folded and their -wal files are empty."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        asyncio.run(_fold(data))
        all_bytes = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
        log_bytes = DataDirectory(data).log.stat().st_size
    name = f"disk, all files without the timeline, {events:,} events"
    return Row(name, "bytes an event", all_bytes / events, "the log alone", log_bytes / events, max_cost=MAX_BYTES)


async def _fold(data: Path) -> None:
    log = EmbeddedLog.follow(data)
    with closing(await open_engine(log, DataDirectory(data).projections, own_names(has_timeline=False))) as engine:
        await engine.catch_up()
    await log.close()
