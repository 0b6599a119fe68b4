"""Emptying a -wal file that a long reader has let grow.

SQLite moves commits from the -wal file into the file itself, but not past the oldest commit that a reader still sees;
and when it uses the -wal file from its beginning again, it leaves it as long as it was.
"""

from contextlib import suppress
from pathlib import Path
from time import monotonic

from ordertrail_server.storage.sqlite import checkpoint, sqlite3

TRIM_SECONDS = 2.0
"""How often whoever writes to a file looks at its -wal file."""

# Twice what the -wal file of a busy file without long readers comes to (1,000 pages, and a transaction).
LIMIT_BYTES = 8 << 20
# A writer waits no longer than that for readers that are about to end.
PATIENCE_SECONDS = 0.05


class WalTrimmer:
    """Empties the -wal file of one file, for its writer, in the thread that writes and between its transactions."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._wal = connection, path.with_name(f"{path.name}-wal")
        self._due = 0.0

    def trim(self) -> None:
        """Empty the -wal file if it is long and no reader needs it. Does nothing if it was tried a moment ago.

        Raises nothing: where it fails, as on a full disk, the next commit tells of that.
        """
        if monotonic() < self._due or self._size() <= LIMIT_BYTES:
            return
        self._due = monotonic() + TRIM_SECONDS
        with suppress(sqlite3.Error):
            # This never waits. Only once all is moved is it worth waiting for the last readers.
            _, pages, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages == moved:
                checkpoint(self._connection, PATIENCE_SECONDS)

    def _size(self) -> int:
        try:
            return self._wal.stat().st_size
        except FileNotFoundError:
            return 0
