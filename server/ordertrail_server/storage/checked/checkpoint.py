"""Checkpoints of a checked file."""

from pathlib import Path
from time import monotonic

from ordertrail_server.storage.checked.moved_frames import NONE, write_moved_frames
from ordertrail_server.storage.checked.wal import begin_checkpoint
from ordertrail_server.storage.checkpoint import checkpoint
from ordertrail_server.storage.connection import BUSY_SECONDS, Connection
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage

LIMIT_BYTES = 4 << 20
"""The size of a -wal file at which a checkpoint is due."""

LIMIT_SECONDS = 2.0
"""The time after which a checkpoint of a shorter -wal file is due."""

# The longest time that a checkpoint waits for readers.
TIMEOUT_SECONDS = 0.05
# The pause after a checkpoint that readers blocked, as a multiple of the time that it took. During a long read, each
# checkpoint verifies a longer -wal file.
PAUSE_FACTOR = 20


class CheckedCheckpoints:
    """Verifies the -wal file of a checked file and moves it into the file. For its writer, between transactions.

    Until then, the pages in the -wal file are read unverified. So it is never older than about LIMIT_SECONDS, unless
    readers block a checkpoint.
    """

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._wal = path.with_name(f"{path.name}-wal")
        self._due = 0.0
        self._filled_at: float | None = None

    def run(self, timeout_s: float = BUSY_SECONDS) -> None:
        """Run a checkpoint as `checkpoint.checkpoint` does. Raises WalDamaged before it moves a damaged page.

        Raises OSError if the system's temporary directory has no room for a copy of the -wal file.
        """
        begin_checkpoint(self._connection, self._path)
        checkpoint(self._connection, timeout_s)
        # Not durably: an older record that a power cut restores has other salts than the next -wal file.
        write_moved_frames(self._path, NONE, is_durable=False)

    def run_if_due(self) -> None:
        """Run a checkpoint if the -wal file is long or old enough. If readers block it, it is tried again later.

        Raises WalDamaged, and nothing else: if it fails for another reason, as on a full disk, the next commit reports
        that.
        """
        begin = monotonic()
        if begin < self._due or not self._is_due(begin):
            return
        try:
            self.run(TIMEOUT_SECONDS)
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                raise
            end = monotonic()
            self._due = end + PAUSE_FACTOR * (end - begin)

    def _is_due(self, now: float) -> bool:
        size = self._wal.stat().st_size if self._wal.exists() else 0
        if size == 0:
            self._filled_at = None
            return False
        if self._filled_at is None:
            self._filled_at = now
        return size >= LIMIT_BYTES or now - self._filled_at >= LIMIT_SECONDS
