"""The state records of an embedded log's server: one checked file in the data directory, durable at each commit.

The file is the only source of what was acknowledged, so it is not built again if it is damaged.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_writer
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.storage.transaction import execute_statements, transaction
from ordertrail_server.subscriptions.state_log import StateDamaged, StateUnavailable
from ordertrail_server.subscriptions.state_record import StateRecord

FORMAT = 1
# Without an index on uid: a replacement, which is rare, scans the table, and each start reads all pages that count.
SCHEMA = """
CREATE TABLE state_records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uid    TEXT NOT NULL,
    record TEXT NOT NULL
) STRICT;
"""
INSERT = "INSERT INTO state_records (uid, record) VALUES (?, ?)"

T = TypeVar("T")


class EmbeddedStateLog:
    """The file, and its only writing connection. The caller holds the lock of the data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "subscriptions")

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, or create it. Raises StateDamaged, StateUnavailable."""
        log = cls(path)
        try:
            await log._run(log._open)
        except BaseException:
            log._thread.shutdown()
            raise
        return log

    async def read(self) -> list[StateRecord]:
        """Return all records."""
        return await self._run(self._read)

    async def append(self, records: Sequence[StateRecord]) -> None:
        """Append records in one transaction."""
        await self._run(lambda: self._write(None, records))

    async def replace(self, uid: str, records: Sequence[StateRecord]) -> None:
        """Replace the records of a subscription in one transaction."""
        await self._run(lambda: self._write(uid, records))

    def stale_uid(self) -> str | None:
        """Return None: replaced records leave the file at once."""
        return None

    async def close(self) -> None:
        """Close the file."""
        try:
            await self._run(self._connection.close)
        finally:
            self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        def run() -> T:
            with _raise_typed(self._path):
                return work()

        return await get_running_loop().run_in_executor(self._thread, run)

    def _open(self) -> None:
        self._connection = connect_checked_writer(self._path)
        try:
            self._create_tables()
        except BaseException:
            self._connection.close()
            raise
        self._checkpoints = CheckedCheckpoints(self._connection, self._path)

    def _create_tables(self) -> None:
        [stored_format] = self._connection.execute("PRAGMA user_version").fetchone()
        if stored_format > FORMAT:
            raise StateDamaged(
                f"{self._path.name} has format {stored_format}, and this release reads format {FORMAT}: use the "
                "release that wrote it, or a newer one"
            )
        if stored_format == 0:
            with transaction(self._connection):
                execute_statements(self._connection, SCHEMA)
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _read(self) -> list[StateRecord]:
        rows = self._connection.execute("SELECT uid, record FROM state_records ORDER BY number").fetchall()
        try:
            return [StateRecord.from_text(uid, text) for uid, text in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise StateDamaged(
                f"{self._path.name} holds a record that this release cannot read ({error!r}): use the release that "
                "wrote it, or a newer one"
            ) from error

    def _write(self, replaced_uid: str | None, records: Sequence[StateRecord]) -> None:
        rows = [(record.uid, record.to_text()) for record in records]
        with transaction(self._connection):
            if replaced_uid is not None:
                self._connection.execute("DELETE FROM state_records WHERE uid = ?", (replaced_uid,))
            self._connection.executemany(INSERT, rows)
        self._checkpoints.run_if_due()


def _describe_damage(path: Path, error: sqlite3.Error) -> str:
    return (
        f"{path} is damaged ({error}): it holds what consumers have acknowledged, so it cannot be built again. Restore "
        "it from a backup, after which consumers receive later events once more; or move it away to serve without "
        "subscriptions, and create them again"
    )


@contextmanager
def _raise_typed(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            raise StateDamaged(_describe_damage(path, error)) from error
        raise StateUnavailable(f"{path.name} cannot be written now: {error}") from error
    except OSError as error:
        raise StateUnavailable(f"{path.name} cannot be written now: {error}") from error
