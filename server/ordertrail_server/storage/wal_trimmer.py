"""Truncates a -wal file that grew during a long read.

SQLite moves commits from the -wal file into the file itself, but not past the oldest commit that a reader still sees.
When it then reuses the -wal file from its beginning, the file keeps its length.
"""

from contextlib import suppress
from pathlib import Path
from time import monotonic

from ordertrail_server.storage.checkpoint import checkpoint
from ordertrail_server.storage.sqlite import sqlite3

TRIM_SECONDS = 2.0
"""How often a file's writer checks its -wal file."""

# Twice the usual size of a busy -wal file without long reads (1,000 pages, and a transaction).
LIMIT_BYTES = 8 << 20
# The longest time that a checkpoint waits for readers that are about to end.
TIMEOUT_SECONDS = 0.05


class WalTrimmer:
    """Truncates the -wal file of one file. For its writer's thread, between transactions."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._wal = connection, path.with_name(f"{path.name}-wal")
        self._due = 0.0

    def trim(self) -> None:
        """Truncate the -wal file if it is long and no reader needs it. Does nothing right after another attempt.

        Raises nothing. If it fails, as on a full disk, the next commit reports that.
        """
        if monotonic() < self._due or self._size() <= LIMIT_BYTES:
            return
        self._due = monotonic() + TRIM_SECONDS
        with suppress(sqlite3.Error):
            # PASSIVE never waits. Waiting for the last readers pays only once all pages are moved.
            _, pages, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages == moved:
                checkpoint(self._connection, TIMEOUT_SECONDS)

    def _size(self) -> int:
        try:
            return self._wal.stat().st_size
        except FileNotFoundError:
            return 0
