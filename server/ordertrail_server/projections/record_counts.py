"""What the file of the projection `orders` counts: records by verdict, parked orders, and their waiting facts."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.transaction import read_transaction

VERDICTS = "SELECT partition, verdict, count FROM ordertrail_verdicts"
PARKED = "SELECT count(*) FROM parked_orders"
WAITING = "SELECT count(*) FROM ordertrail_waiting"


class RecordCounts(NamedTuple):
    """The number of records by (partition, verdict), of parked orders, and of their waiting facts."""

    verdicts: Mapping[tuple[int, str], int]
    parked_count: int
    waiting_count: int


class RecordCounter:
    """Reads the counts again and again, in any thread. Close it at the end.

    Its connection stays open, because opening one verifies the whole -wal file.
    """

    def __init__(self) -> None:
        self._lock, self._is_closed = Lock(), False
        self._path: Path | None = None
        self._connection: Connection | None = None

    def read(self, path: Path) -> RecordCounts | None:
        """Return the counts as of one commit of the file `path`; None if it cannot be read at present. Blocks."""
        with self._lock:
            try:
                return None if self._is_closed else _read_counts(self._connect(path))
            except (sqlite3.Error, OSError):  # the projector creates the file, or queries report the reason
                self._disconnect()
                return None

    def close(self) -> None:
        """Close the file, and read nothing any more."""
        with self._lock:
            self._is_closed = True
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection, self._path = self._connection, None, None
        if connection is not None:
            connection.close()

    def _connect(self, path: Path) -> Connection:
        if self._connection is None or path != self._path:
            self._disconnect()
            self._path, self._connection = path, connect_checked_reader(path)
        return self._connection


def _read_counts(connection: Connection) -> RecordCounts:
    with read_transaction(connection):
        verdicts = {(row[0], row[1]): row[2] for row in connection.execute(VERDICTS).fetchall()}
        [parked_count] = connection.execute(PARKED).fetchone()
        [waiting_count] = connection.execute(WAITING).fetchone()
        return RecordCounts(verdicts, parked_count, waiting_count)
