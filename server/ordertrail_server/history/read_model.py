"""The read model as its readers see it: short reads in a small pool of threads, each from one state of the file."""

import logging
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock, local
from typing import TypeVar

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.history.joining import prove_joining
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.sqlite import connect_reader, primary_code, sqlite3
from ordertrail_server.orders.refusal import Refusal, Refused

_log = logging.getLogger(__name__)

T = TypeVar("T")
Connection = sqlite3.Connection

READERS = 3


class ReadModel:
    """The read model file of one log. It may not exist yet, or be empty: then reads are refused as UNAVAILABLE."""

    def __init__(self, path: Path, log_id: bytes, topic: str, partitions: int, readers: int = READERS) -> None:
        self.path, self.log_id, self.topic, self.partitions = path, log_id, topic, partitions
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="read-model")
        self._of_thread = local()
        self._open: list[Connection] = []
        self._opening = Lock()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a thread, in one read transaction: all that it reads is of one state of the file.

        It must be short and take all it needs: no cursor of it may outlive it. Raises Refused if the file cannot be
        read for now, and what `work` raises.
        """
        return await get_running_loop().run_in_executor(self._threads, self._in_transaction, work)

    def positions(self, connection: Connection) -> Offsets:
        """Return for each partition the offset before which everything is projected, within a read."""
        found = dict(connection.execute("SELECT partition, next_offset FROM positions").fetchall())
        return tuple(found.get(partition, 0) for partition in range(self.partitions))

    def close(self) -> None:
        """Finish running reads and close the file."""
        self._threads.shutdown()
        while self._open:
            self._open.pop().close()

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            message = _why_unreadable(error)
            if message is None:
                raise
            _log.warning("the read model cannot be read: %s", error)
            raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message)) from error

    def _connection(self) -> Connection:
        known: Connection | None = getattr(self._of_thread, "connection", None)
        if known is None:
            known = self._of_thread.connection = self._connected()
            with self._opening:
                self._open.append(known)
        return known

    def _connected(self) -> Connection:
        connection = connect_reader(self.path)
        try:
            prove_joining(connection)
            self._refuse_other_log(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_other_log(self, connection: Connection) -> None:
        row = connection.execute("SELECT value FROM meta WHERE key = 'log_id'").fetchone()
        if row is None or bytes(row[0]) != self.log_id:
            message = "The read model is not, or not yet, one of this server's log."
            raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message))


def _why_unreadable(error: sqlite3.DatabaseError) -> str | None:
    # The kinds that are neither tell of a fault in our own statements.
    if primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "The read model is damaged; whoever runs the server must have it built again."
    if isinstance(error, sqlite3.OperationalError):
        return "The read model cannot be read for now; the projector may still be beginning it."
    return None
