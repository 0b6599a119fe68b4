"""Read access to the read model: small pools of threads, each read in one transaction."""

import logging
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from threading import Thread
from typing import TypeVar

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_QUERY_TIME_LIMIT, ERROR_REASON_UNAVAILABLE
from ordertrail_server.history.blob_join import check_blob_join
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.checked.error import find_damaged_file
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.read_pool import ReadPool
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import OutOfDescriptors, is_damage, primary_code, raise_descriptor_shortage
from ordertrail_server.storage.time_limit import TimeLimit
from ordertrail_server.storage.transaction import read_transaction

_log = logging.getLogger(__name__)

__all__ = ["Connection", "ReadModel"]

T = TypeVar("T")

READERS, STREAM_READERS = 3, 2
SEARCHERS = max(1, (os.cpu_count() or 1) // 2)
SEARCH_NICENESS = 10
SEARCH_SECONDS = 5.0


class ReadModel:
    """The read model file of one log. It may not exist yet, or be empty: then reads are refused as UNAVAILABLE.

    Short reads, reads of streams, and reads that may visit many rows have separate threads, so that no kind waits for
    another. Each gets `work` that it runs in one read transaction: all its reads see the same state of the file. No
    cursor of the work may outlive it. Raises Refused if the file cannot be read for now, and what the work raises.
    `on_damage` is called with a damaged file, and the damage.
    """

    def __init__(
        self,
        path: Path,
        lineage: Lineage,
        topic: str,
        search_seconds: float = SEARCH_SECONDS,
        on_damage: Callable[[Path, str], None] = lambda file, damage: None,
    ) -> None:
        self.path, self.lineage, self.topic = path, lineage, topic
        self.log_id, self.partitions, _ = lineage
        self._search_seconds, self._on_damage = search_seconds, on_damage
        self._open_pools()

    def switch(self, path: Path) -> None:
        """Answer from another file from now on. Reads that run finish on the file before it."""
        replaced = self._pools()
        self.path = path
        self._open_pools()
        Thread(target=_close_pools, args=(replaced,), name="close-pools").start()

    def _open_pools(self) -> None:
        self._reads = ReadPool("read", READERS, self._connect)
        self._stream_reads = ReadPool("stream", STREAM_READERS, self._connect)
        self._searches = ReadPool("search", SEARCHERS, self._connect, SEARCH_NICENESS)

    def _pools(self) -> tuple[ReadPool, ...]:
        return self._reads, self._stream_reads, self._searches

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run short work, which visits few more rows than it returns."""
        return await self._run(self._reads, work)

    async def read_for_stream(self, work: Callable[[Connection], T]) -> T:
        """Run a scan of a stream, which bounds its own time."""
        return await self._run(self._stream_reads, work)

    async def search(self, work: Callable[[Connection], T]) -> T:
        """Run work that may visit many rows, for a limited time. Raises Refused at the time limit."""
        limit = TimeLimit(self._search_seconds)
        try:
            return await self._run(self._searches, work, limit)
        finally:
            limit.abandon()  # the caller may have gone

    async def stored_positions(self) -> Offsets | None:
        """Return the positions of an existing read model, None if there is none that can be read."""
        if not self.path.exists():
            return None
        try:
            return await self._reads.run(_run_in_transaction, self.positions)
        except (sqlite3.DatabaseError, Refused) as error:  # the projector begins it, or reports the problem
            self._report_damage(error)
            return None

    def positions(self, connection: Connection) -> Offsets:
        """Return for each partition the offset before which everything is projected, within a read."""
        offsets = dict(connection.execute("SELECT partition, next_offset FROM ordertrail_positions").fetchall())
        return tuple(offsets.get(partition, 0) for partition in range(self.partitions))

    def close(self) -> None:
        """Finish running reads and close the file."""
        _close_pools(self._pools())

    async def _run(self, pool: ReadPool, work: Callable[[Connection], T], limit: TimeLimit | None = None) -> T:
        try:
            return await pool.run(_run_in_transaction, work, limit)
        except sqlite3.DatabaseError as error:
            if limit is not None and primary_code(error) == sqlite3.SQLITE_INTERRUPT:
                raise _time_limit_refusal(limit) from error
            message = _why_unreadable(error, self.path)
            if message is None:
                raise
            if not self._report_damage(error):
                _log.warning("%s cannot be read: %s", self.path, error)
            raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message)) from error

    def _report_damage(self, error: Exception) -> bool:
        file = find_damaged_file(error)
        if file is not None:
            self._on_damage(file, str(error))
        return file is not None

    def _connect(self) -> Connection:
        connection = connect_checked_reader(self.path)
        try:
            with raise_descriptor_shortage():
                check_blob_join(connection)
                self._refuse_other_log(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_other_log(self, connection: Connection) -> None:
        row = connection.execute("SELECT value FROM ordertrail_meta WHERE key = 'log_id'").fetchone()
        if row is None or bytes(row[0]) != self.log_id:
            message = "The read model is empty, or belongs to another log than this server's."
            raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message))


def _close_pools(pools: tuple[ReadPool, ...]) -> None:
    for pool in pools:
        pool.close()


def _run_in_transaction(connection: Connection, work: Callable[[Connection], T], limit: TimeLimit | None = None) -> T:
    watch = limit.watch(connection) if limit else nullcontext()
    with raise_descriptor_shortage(), read_transaction(connection), watch:
        return work(connection)


def _time_limit_refusal(limit: TimeLimit) -> Refused:
    message = f"The query visited many rows and was stopped after {limit.seconds:g} seconds."
    return Refused(Refusal(ERROR_REASON_QUERY_TIME_LIMIT, message))


def _why_unreadable(error: sqlite3.DatabaseError, path: Path) -> str | None:
    # Any other kind is a defect in our own statements.
    if is_damage(error):
        name = path.name.partition("-")[0]
        return f"The projection {name} is damaged and is being built again from the log; retry shortly."
    if isinstance(error, OutOfDescriptors):
        return f"The server cannot open the read model, because {error}."
    if isinstance(error, sqlite3.OperationalError):
        return "The read model cannot be read now; the projector may still be creating it. Try again shortly."
    return None
