"""Checks that the log still holds the newest record of orders as the projection `orders` folded it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.doctor.finding import Finding, error, ok
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Log, LogDamaged, LogUnavailable
from ordertrail_server.log.single_read import read_one
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.sqlite import sqlite3

HEADS = "heads"
SAMPLE = 50
"""How many orders are checked: half of them the newest ones, half the oldest."""

_HEADS = """SELECT o.order_id, l."offset", l.digest FROM orders o JOIN links l ON l.order_no = o.order_no
WHERE l.version = o.version AND (o.order_no <= ?1 OR o.order_no > (SELECT max(order_no) FROM orders) - ?1)
ORDER BY o.order_no, l."offset" DESC"""


class Head(NamedTuple):
    """The newest link of an order."""

    order_id: str
    offset: int
    digest: bytes


async def check_heads(log: Log, projections: Path) -> list[Finding]:
    """Compare the newest link of some orders with the log, for each file of the projection."""
    return [await _check_file(log, file) for file in _list_files(projections)]


def _list_files(projections: Path) -> list[Path]:
    return sorted(projections.glob("orders-*.sqlite"))


async def _check_file(log: Log, file: Path) -> Finding:
    try:
        heads = list(_read_heads(file))
    except sqlite3.Error as unreadable:
        return error(HEADS, f"{file.name} cannot be read: {unreadable}.", "Start the server, which builds it again.")
    for head in heads:
        partition = partition_of(head.order_id, log.partitions)
        try:
            record = await read_one(log, partition, head.offset)
        except (LogDamaged, LogUnavailable) as missing:
            return _differs(head, str(missing))
        if (record.digest, record.key) != (head.digest, head.order_id):
            return _differs(head, f"another record is at partition {partition}, offset {head.offset}")
    return ok(HEADS, f"The log holds the newest records of {len(heads)} orders of {file.name}, unchanged.")


def _differs(head: Head, reason: str) -> Finding:
    text = f"The newest record of order {head.order_id} is not what was folded: {reason}."
    return error(HEADS, text, "Do not rebuild. Run `ordertrail audit`, and compare the log with a backup.")


def _read_heads(file: Path) -> Iterator[Head]:
    with closing(connect_checked_reader(file)) as connection:
        rows = connection.execute(_HEADS, (SAMPLE // 2,)).fetchall()
    newest: dict[str, Head] = {}
    for order_id, offset, digest in rows:
        newest.setdefault(order_id, Head(order_id, offset, bytes(digest)))
    yield from newest.values()
