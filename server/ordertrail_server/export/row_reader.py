"""Reads the rows of an export in short transactions, so that the server can empty the -wal file meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ordertrail_server.export.export_error import OrderFreed
from ordertrail_server.export.position import ExportPosition, read_position
from ordertrail_server.export.table_query import TableQuery
from ordertrail_server.log.position import LogPosition, first_packed
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.transaction import read_transaction

# An event has at most 64 kB when it is written by a command, so a step takes at most some 32 MB.
STEP_ROWS = 500

Key = tuple[Any, ...]


class Step(NamedTuple):
    """Some rows, and the position of the log that the last one belongs to."""

    rows: list[tuple[Any, ...]]
    position: LogPosition


def read_rows(connection: Connection, query: TableQuery, position: ExportPosition) -> Iterator[Step]:
    """Yield all rows up to the position. Raises OrderFreed, sqlite3.Error."""
    key_size = 1 + len(query.start)
    for partition, offset in position.offsets.items():
        key: Key = (first_packed(partition) - 1, *query.start)
        bounds = {"end": LogPosition(partition, offset).pack(), "offset": offset, "limit": STEP_ROWS}
        while rows := _read_step(connection, query.sql, _name_key(key) | bounds, position):
            key = rows[-1][:key_size]
            yield Step([row[key_size:] for row in rows], LogPosition.unpack(key[0]))


@contextmanager
def read_as_of(connection: Connection, position: ExportPosition) -> Iterator[None]:
    """Let the reads of the body see one state of the file. Raises OrderFreed if rows before the position were added."""
    with read_transaction(connection):
        if read_position(connection).retries != position.retries:
            raise OrderFreed
        yield


def _read_step(
    connection: Connection, sql: str, values: dict[str, Any], position: ExportPosition
) -> list[tuple[Any, ...]]:
    with read_as_of(connection, position):
        return connection.execute(sql, values).fetchall()


def _name_key(key: Key) -> dict[str, Any]:
    return {f"k{number}": value for number, value in enumerate(key)}
