"""Two logs of the same orders: one in the newest version of OrderPlaced, one in the version before it."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import uuid_utils

from benchmarks.evolved_schema import create_order
from benchmarks.sample_orders import BATCH, record
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.port import Entry
from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.readers import Reader
from ordertrail_server.schema.registry import READERS
from ordertrail_server.schema.wire import bytes_tag, chunk


def create_logs(folder: Path, events: int) -> dict[str, Path]:
    """Create both logs; return {"old" or "newest": data directory}."""
    previous, newest = sorted((reader for reader in READERS.values() if reader.public == "order_placed"), key=_age)[-2:]
    old, new = folder / "old", folder / "newest"
    asyncio.run(_create_log(old, _entries(events, previous.number, _stored(previous))))
    asyncio.run(_create_log(new, _entries(events, newest.number, _upcast(previous))))
    return {"old": old, "newest": new}


def _age(reader: Reader) -> int:
    return reader.version


def _stored(reader: Reader) -> bytes:
    return bytes(create_order(message_class(reader.hops[0].old)).SerializeToString())


def _upcast(reader: Reader) -> bytes:
    hop = reader.hops[0]
    newer = message_class(hop.new)()
    compile_hop(hop)(create_order(message_class(hop.old)), newer)
    return newer.SerializeToString()


def _entries(events: int, number: int, stored: bytes) -> Iterator[Entry]:
    event = chunk(bytes_tag(number), stored)
    return (record(str(uuid_utils.uuid7()), 1, b"", event) for _ in range(events))


async def _create_log(data: Path, entries: Iterator[Entry]) -> None:
    log = open_to_serve(data)
    while batch := list(islice(entries, BATCH)):
        await log.append(0, batch)
    await log.close()
