"""The rows of a read model in tests."""

from contextlib import closing
from pathlib import Path

from tests.log.memory import MemoryLog
from tests.projections.log_builder import LogBuilder

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsResponse
from ordertrail_server.projections.projector import Projector
from ordertrail_server.storage.connection import connect_reader

Rows = dict[str, list[tuple[object, ...]]]


def read_rows(path: Path) -> Rows:
    """Return every row of every table of a read model."""
    with closing(connect_reader(path)) as connection:
        names_query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        tables = [name for (name,) in connection.execute(names_query)]
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}


def indexes(path: Path) -> set[str]:
    with closing(connect_reader(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}


async def project_records(builder: LogBuilder, path: Path) -> Rows:
    """Project the records of a log into a new read model, and return its rows."""
    log = MemoryLog(partitions=len(builder.records))
    for partition, entries in enumerate(builder.records):
        await log.append(partition, entries)
    projector = await Projector.open(log, path)
    await projector.catch_up()
    projector.close()
    return read_rows(path)


def stored_events(model: Rows) -> list[HistoryEvent]:
    """Return the events that a read model stores, in the order of the log."""
    frames = b"".join(row[7] for row in sorted(model["events"]))  # type: ignore[misc]
    return list(ListOrderEventsResponse.FromString(frames).events)
