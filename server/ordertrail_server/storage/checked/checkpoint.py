"""Checkpoints of a checked file."""

from pathlib import Path
from time import monotonic

from ordertrail_server.storage.checked.wal import refuse_damaged_commits
from ordertrail_server.storage.checkpoint import CheckpointBlocked, checkpoint
from ordertrail_server.storage.connection import BUSY_SECONDS, Connection

LIMIT_BYTES = 4 << 20
"""The size of a -wal file at which a checkpoint is due."""

# The longest time that a checkpoint waits for readers.
TIMEOUT_SECONDS = 0.05
# The pause after a checkpoint that readers blocked, as a multiple of the time that it took. During a long read, each
# checkpoint verifies a longer -wal file.
PAUSE_FACTOR = 20


class CheckedCheckpoints:
    """Verifies the -wal file of a checked file and moves it into the file. For its writer, between transactions.

    Until then, the pages in the -wal file are read unverified.
    """

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._wal = path.with_name(f"{path.name}-wal")
        self._due = 0.0

    def run(self, timeout_s: float = BUSY_SECONDS) -> None:
        """Run a checkpoint as `checkpoint.checkpoint` does. Raises WalDamaged before it moves a damaged page.

        Raises OSError if the system's temporary directory has no room for a copy of the -wal file.
        """
        refuse_damaged_commits(self._connection, self._path)
        checkpoint(self._connection, timeout_s)

    def run_if_due(self) -> None:
        """Run a checkpoint if the -wal file has reached LIMIT_BYTES. If readers block it, it is tried again later."""
        begin = monotonic()
        if begin < self._due or not self._wal.exists() or self._wal.stat().st_size < LIMIT_BYTES:
            return
        try:
            self.run(TIMEOUT_SECONDS)
        except CheckpointBlocked:
            end = monotonic()
            self._due = end + PAUSE_FACTOR * (end - begin)
