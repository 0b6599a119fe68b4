"""One log twice: as the newest version of OrderPlaced stores it, and as the version before did."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import uuid_utils

from benchmarks.grown_tree import order_in
from benchmarks.samples import BATCH, record
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.port import Entry
from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.readers import Reader
from ordertrail_server.schema.registry import READERS
from ordertrail_server.schema.wire import bytes_tag, chunk


def make_logs(folder: Path, events: int) -> dict[str, Path]:
    """Make the two logs; return {"old", "newest": its data directory}."""
    before, newest = sorted((one for one in READERS.values() if one.public == "order_placed"), key=_age)[-2:]
    old, new = folder / "old", folder / "newest"
    asyncio.run(_make_log(old, _entries(events, before.number, _stored(before))))
    asyncio.run(_make_log(new, _entries(events, newest.number, _upcast(before))))
    return {"old": old, "newest": new}


def _age(reader: Reader) -> int:
    return reader.version


def _stored(reader: Reader) -> bytes:
    return bytes(order_in(message_class(reader.hops[0].old)).SerializeToString())


def _upcast(reader: Reader) -> bytes:
    hop = reader.hops[0]
    newer = message_class(hop.new)()
    compile_hop(hop)(order_in(message_class(hop.old)), newer)
    return newer.SerializeToString()


def _entries(events: int, number: int, stored: bytes) -> Iterator[Entry]:
    event = chunk(bytes_tag(number), stored)
    return (record(str(uuid_utils.uuid7()), 1, b"", event) for _ in range(events))


async def _make_log(data: Path, entries: Iterator[Entry]) -> None:
    log = open_to_serve(data)
    while batch := list(islice(entries, BATCH)):
        await log.append(0, batch)
    await log.close()
