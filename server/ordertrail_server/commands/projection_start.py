"""Waits until the projection `orders` is close enough to the log's end for the command side to begin."""

from asyncio import timeout
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from ordertrail_server.commands.order_store import OnDamage
from ordertrail_server.log.port import Log
from ordertrail_server.log.progress import Progress
from ordertrail_server.projections.orders.order_reader import OrderReader
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage

# The command side reads at most about this many records into memory when it begins.
NEAR = 10_000
CHECK_SECONDS = 0.1


class ProjectionStart:
    """The start of the command side on a file of the projection, which may not exist yet or still be built."""

    def __init__(
        self, path: Path, log: Log, progress: Progress, on_damage: OnDamage = lambda file, damage: None
    ) -> None:
        """`on_damage` is called with the file and its damage."""
        self._path, self._log, self._progress, self.on_damage = path, log, progress, on_damage
        self._end = 0

    def switch(self, path: Path) -> None:
        """Begin on another file, if the command side has not begun yet."""
        self._path = path

    async def wait_near_end(self) -> OrderReader:
        """Return a reader of the projection as soon as it lacks only the last records of the log."""
        while True:
            reader = self._open_near(await self._query_end())
            if reader is not None:
                return reader
            with suppress(TimeoutError):
                async with timeout(CHECK_SECONDS):
                    await self._progress.wait_beyond(dict(self._progress.positions))

    def describe_progress(self) -> str:
        """Return one sentence for callers."""
        folded_count = sum(self._progress.positions.values())
        return f"The orders are being built: {folded_count} of {self._end} records are folded; retry shortly."

    async def _query_end(self) -> int:
        ends = [await self._log.end(partition) for partition in range(self._log.partitions)]
        self._end = sum(ends)
        return self._end

    def _open_near(self, end: int) -> OrderReader | None:
        if not self._path.exists():
            return None
        try:
            with ExitStack() as opened:
                reader = opened.enter_context(closing(OrderReader(self._path)))
                if reader.has_indexes() and end - self._count_projected(reader) <= NEAR:
                    opened.pop_all()
                    return reader
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self.on_damage(self._path, str(error))
        return None

    def _count_projected(self, reader: OrderReader) -> int:
        return sum(reader.position(partition) for partition in range(self._log.partitions))
