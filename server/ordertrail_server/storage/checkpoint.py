"""Checkpoints: they move commits from the write-ahead log into the file."""

from ordertrail_server.storage.connection import BUSY_SECONDS, Connection
from ordertrail_server.storage.sqlite import sqlite3


class CheckpointBlocked(sqlite3.OperationalError):
    """A reader blocked a checkpoint. The file itself is sound."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


def checkpoint(connection: Connection, timeout_s: float = BUSY_SECONDS) -> None:
    """Move the whole write-ahead log into the file, durably, and truncate it. For the file's writer only.

    Raises CheckpointBlocked if a reader blocks it for longer than `timeout_s`, sqlite3.OperationalError.
    """
    _set_busy_timeout(connection, timeout_s)
    try:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        _set_busy_timeout(connection, BUSY_SECONDS)
    if busy:
        raise CheckpointBlocked("another process keeps reading, so the write-ahead log cannot be truncated")


def _set_busy_timeout(connection: Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
