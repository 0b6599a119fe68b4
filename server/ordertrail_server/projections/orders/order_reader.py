"""Reads the projection `orders`, which the projector's process extends, for the command side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.facts.link import Link
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.sqlite import sqlite3

# One statement each, so that the position belongs to the row.
AGGREGATE = """SELECT p.next_offset, o.version, o.head, o.parked, o.state FROM ordertrail_positions p
LEFT JOIN orders o ON o.order_id = ? WHERE p.partition = ?"""
# The first row has the position, the others an order each.
AGGREGATES = """SELECT next_offset, 0, NULL, NULL, NULL, NULL FROM ordertrail_positions WHERE partition = ?
UNION ALL SELECT NULL, version, head, parked, state, order_id FROM orders WHERE order_id IN ({})"""
HEAD = """SELECT p.next_offset, o.version, o.head, o.parked, NULL FROM ordertrail_positions p
LEFT JOIN orders o ON o.order_id = ? WHERE p.partition = ?"""
POSITION = "SELECT next_offset FROM ordertrail_positions WHERE partition = ?"
# Without INDEXED BY, SQLite would scan all links of the order, because they are already sorted by version.
RECEIPT = """SELECT version, digest, request, command, "offset", time, is_refusal FROM links INDEXED BY receipts
WHERE order_no = (SELECT order_no FROM orders WHERE order_id = ?) AND request = ? ORDER BY version, "offset" LIMIT 1"""
LINKS = "SELECT digest FROM links WHERE order_no = (SELECT order_no FROM orders WHERE order_id = ?) AND version = ?"
IS_COMPLETE = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'receipts'"


class OrderReader:
    """One reading connection to a file of the projection. Every query may raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect_checked_reader(path)

    def switch(self, path: Path) -> None:
        """Read another file from now on, which includes at least what this one does."""
        replaced = self._connection
        self._connection = connect_checked_reader(path)
        self.path = path
        replaced.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def has_indexes(self) -> bool:
        """Return whether receipts can be looked up; they cannot while a large log is loaded."""
        return bool(self._fetch_row(IS_COMPLETE)[0])

    def position(self, partition: int) -> int:
        """Return the offset up to which a partition is projected."""
        return int(self._fetch_row(POSITION, partition)[0])

    def aggregate(self, order_id: str, partition: int) -> tuple[Aggregate, int]:
        """Return an order, NO_ORDER if it does not exist, and the offset as of which it is."""
        return _aggregate(self._fetch_row(AGGREGATE, order_id, partition))

    def aggregates(self, order_ids: Sequence[str], partition: int) -> tuple[dict[str, Aggregate], int]:
        """Return those of the orders that exist, and the offset as of which all of them are; one id at least."""
        # Few different numbers of ids, so that SQLite compiles few statements.
        count = 1 << (len(order_ids) - 1).bit_length()
        padded = [*order_ids, *[order_ids[0]] * (count - len(order_ids))]
        query = AGGREGATES.format(", ".join("?" * count))
        rows = self._connection.fetch_all(query, [partition, *padded])
        if not rows or rows[0][0] is None:
            raise self._position_missing()
        return {row[-1]: _aggregate(row[:-1])[0] for row in rows[1:]}, rows[0][0]

    def head(self, order_id: str, partition: int) -> tuple[Aggregate, int]:
        """Return the same as `aggregate` without the state of the order."""
        return _aggregate(self._fetch_row(HEAD, order_id, partition))

    def receipt(self, order_id: str, request: bytes) -> Link | None:
        """Return the first link with a request, or None."""
        row = self._connection.fetch_first(RECEIPT, order_id, request)
        return None if row is None else Link(*row)

    def links_at(self, order_id: str, version: int) -> list[bytes]:
        """Return the digests of an order's links with a version."""
        return [digest for (digest,) in self._connection.execute(LINKS, (order_id, version))]

    def _fetch_row(self, query: str, *values: str | int) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.fetch_first(query, *values)
        if row is None:
            raise self._position_missing()
        return row

    def _position_missing(self) -> sqlite3.DatabaseError:
        return sqlite3.DatabaseError(f"{self.path.name} lacks a position")


def _aggregate(row: tuple[Any, ...]) -> tuple[Aggregate, int]:
    next_offset, version, head, parked, state = row
    if version is None:
        return NO_ORDER, next_offset
    return Aggregate(None if state is None else Order.FromString(state), version, head, parked or ""), next_offset
