"""Saves the snapshots of all partitions to the state store, in a thread."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.wal_trimmer import TRIM_SECONDS

_log = logging.getLogger(__name__)

SNAPSHOT_SECONDS = 1.0
SNAPSHOT_FACTS = 5_000
SNAPSHOT_BYTES = 8 * 1024 * 1024


class SnapshotSaver:
    """Saves one snapshot after another; the thread is the only one that writes to the store."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "state-store")
        self._lock = asyncio.Lock()

    async def save_periodically(self, partition: int, fold: Fold) -> None:
        """Save a partition's snapshot every SNAPSHOT_SECONDS, or earlier if it is large."""
        waited = 0.0
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS / 10)
            waited += SNAPSHOT_SECONDS / 10
            is_large = fold.unsaved >= SNAPSHOT_FACTS or fold.unsaved_bytes >= SNAPSHOT_BYTES
            if is_large or (fold.unsaved and waited >= SNAPSHOT_SECONDS):
                await asyncio.shield(self.save(partition, fold))
                waited = 0.0

    async def save(self, partition: int, fold: Fold) -> None:
        """Save a partition's snapshot. If the store cannot be written, the snapshot stays in memory."""
        loop = asyncio.get_running_loop()
        async with self._lock:  # a snapshot is stored before the next one is taken
            try:
                await loop.run_in_executor(self._thread, self._store.save, partition, fold.snapshot())
            except sqlite3.Error as error:  # the store may lag, so the snapshot is saved later
                _log.warning("the state store could not be written: %s", error)
            else:
                fold.saved()

    async def trim_wal_periodically(self) -> None:
        """Truncate the store's -wal file every TRIM_SECONDS."""
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._store.trim)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()
