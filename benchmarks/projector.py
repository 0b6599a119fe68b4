"""The projections over a whole log, compared with a loop that only parses each record and writes two rows."""

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.sample_orders import create_log
from benchmarks.table import Row
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.projections.catalog import HISTORY
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.storage.connection import connect_writer

MIN_RATE = 20_000
ROUNDS = 3
BATCH = 1_000


def measure(events: int) -> Row:
    """Return the events/s of the engine with new projections and of the bare loop, measured alternately."""
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        for round_ in range(ROUNDS):
            limit.append(events / asyncio.run(_seconds_of_bare_loop(data, Path(folder) / f"bare-{round_}")))
            ours.append(events / asyncio.run(seconds_on_embedded(data, Path(folder) / f"projections-{round_}")))
    name = f"projections from offset 0, of {events:,} events"
    peer = "parsing, and inserting two plain rows for each"
    return Row(name, "events/s", median(ours), peer, median(limit), min_rate=MIN_RATE)


async def seconds_of_engine(log: Log, directory: Path) -> float:
    """Fold a whole log into new projections and close the log; return the seconds."""
    start = perf_counter()
    with closing(await open_engine(log, directory, [HISTORY])) as engine:
        await engine.catch_up()
    seconds = perf_counter() - start
    await log.close()
    return seconds


async def seconds_on_embedded(data: Path, directory: Path) -> float:
    """Return the seconds of the engine on the log of a data directory."""
    return await seconds_of_engine(EmbeddedLog.follow(data), directory)


async def _seconds_of_bare_loop(data: Path, path: Path) -> float:
    log = EmbeddedLog.follow(data)
    start = perf_counter()
    with closing(connect_writer(path, "NORMAL")) as connection:
        connection.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, order_id TEXT, version INT, value BLOB)")
        connection.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY, version INT)")
        offset = 0
        while records := await log.read(0, offset, BATCH):
            parsed = [(record.offset, HistoryEvent.FromString(record.value), record.value) for record in records]
            rows = [(offset, event.order_id, event.order_version, value) for offset, event, value in parsed]
            orders = [(order_id, version) for _, order_id, version, _ in rows]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?)", orders)
            connection.execute("COMMIT")
            offset = records[-1].offset + 1
    seconds = perf_counter() - start
    await log.close()
    return seconds
