"""Data directories in tests of exports, folded from a log in memory, and the rows that an export of them must have."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from tests.log.memory import MemoryLog
from tests.projections.timeline.order_lives import OrderVersion, fold_lives

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.orders.time_text import time_text
from ordertrail_server.projections.catalog import HISTORY, TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.storage.connection import connect_reader

Row = dict[str, Any]
Tables = dict[str, list[Row]]

SMALL_BATCH = 7


async def fold(log: MemoryLog, data: Path, *names: str) -> None:
    """Fold the log into `orders` and these projections of a data directory."""
    with closing(await open_engine(log, DataDirectory(data).projections, names, batch=SMALL_BATCH)) as engine:
        await engine.catch_up()


async def fold_both(log: MemoryLog, data: Path) -> None:
    await fold(log, data, HISTORY, TIMELINE)


def read_tables(log: MemoryLog, data: Path) -> Tables:
    """Return the rows of the views, and the events of the log, as far as they can be folded."""
    return {
        "order_versions": list(_read_view(data, "order_versions")),
        "line_versions": list(_read_view(data, "line_versions")),
        "events": [_event_row(log, version) for life in fold_lives(log).values() for version in life],
    }


def sort_tables(tables: Tables) -> Tables:
    """Return the rows in an order that depends on them alone."""
    return {name: sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)) for name, rows in tables.items()}


def _read_view(data: Path, view: str) -> Iterator[Row]:
    file = live_generation(DataDirectory(data).projections, TIMELINE)
    with closing(connect_reader(file)) as connection:
        cursor = connection.execute(f"SELECT * FROM {view}")
        names = [column[0] for column in cursor.description]
        yield from (dict(zip(names, row, strict=True)) for row in cursor)


def _event_row(log: MemoryLog, version: OrderVersion) -> Row:
    position, event, order = version
    case = event.WhichOneof("event")
    assert case is not None
    return {
        "order_id": event.order_id,
        "version": event.order_version,
        "partition": position.partition,
        "offset": position.offset,
        "record_time": time_text(version.time),
        "event_type": case.upper(),
        "customer_id": order.customer_id if order.HasField("customer_id") else None,
        "actor": event.actor or None,
        "request_id": event.cause.request_id or None,
        "digest": log.records[position.partition][position.offset].digest.hex(),
        "event": MessageToDict(getattr(event, case)),
    }
