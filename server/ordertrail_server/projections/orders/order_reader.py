"""Reads the projection `orders`, which the projector's process extends, for the command side."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.facts.link import Link
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.projections.orders.tables import HEAD_OF_ORDER
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.packed_id import pack_sql
from ordertrail_server.storage.sqlite import sqlite3

ORDER_NO = f"(SELECT order_no FROM orders WHERE order_key = {pack_sql('?1')})"
# One statement each, so that the position belongs to the row.
AGGREGATE = f"""SELECT p.next_offset, o.version, {HEAD_OF_ORDER}, o.parked, o.state FROM ordertrail_positions p
LEFT JOIN orders o ON o.order_key = {pack_sql("?1")} WHERE p.partition = ?2"""
# The first row has the position, the others an order each.
AGGREGATES = f"""SELECT next_offset, 0, NULL, NULL, NULL, NULL FROM ordertrail_positions WHERE partition = ?2
UNION ALL SELECT NULL, o.version, {HEAD_OF_ORDER}, o.parked, o.state, i.value
FROM json_each(?1) i CROSS JOIN orders o ON o.order_key = {pack_sql("i.value")}"""
HEAD = f"""SELECT p.next_offset, o.version, {HEAD_OF_ORDER}, o.parked, NULL FROM ordertrail_positions p
LEFT JOIN orders o ON o.order_key = {pack_sql("?1")} WHERE p.partition = ?2"""
POSITION = "SELECT next_offset FROM ordertrail_positions WHERE partition = ?"
# Without INDEXED BY, SQLite would scan all links of the order, because they are already sorted by version.
RECEIPT = f"""SELECT version, digest, request, command, "offset", time, is_refusal FROM links INDEXED BY receipts
WHERE order_no = {ORDER_NO} AND substr(request, 1, 4) = substr(?2, 1, 4) AND request = ?2
ORDER BY version, "offset" LIMIT 1"""
LINKS = f"SELECT digest FROM links WHERE order_no = {ORDER_NO} AND version = ?2"
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
        rows = self._connection.fetch_all(AGGREGATES, [json.dumps(order_ids), partition])
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
