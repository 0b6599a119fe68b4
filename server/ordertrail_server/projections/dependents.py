"""Projections that take the verdicts of the projection `orders`: they are fed from memory, or read the log again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ordertrail_server.log.port import Log
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.judged_log import JudgedLog
from ordertrail_server.projections.projection_error import ProjectionFailed
from ordertrail_server.projections.projection_file import ProjectionFile
from ordertrail_server.projections.running_projection import RunningProjection
from ordertrail_server.storage.checked.error import find_damaged_file
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3

BATCH = 2_000
# If more records than this are still to be folded, the secondary indexes are created later.
BULK = 20_000

Positions = Mapping[str, Mapping[int, int]]
"""{projection: {partition: the offset before which everything is committed}}."""

NONE_STOPPED: Mapping[str, str] = {}

OnCommit = Callable[[Positions], None]


def committed_offsets(log: Log, file: ProjectionFile) -> dict[int, int]:
    """Return the committed positions of a file, advanced past a gap of the log that follows."""
    return {partition: log.skip_gap(partition, stored.next_offset) for partition, stored in file.positions.items()}


class Dependents:
    """Some projections of one log, and the file of `orders` whose verdicts they take. For one task at a time."""

    def __init__(
        self,
        log: Log,
        judged: JudgedLog,
        projections: Sequence[RunningProjection],
        batch: int = BATCH,
        stopped: Mapping[str, str] = NONE_STOPPED,
        *,
        stops_with_last: bool = False,
    ) -> None:
        """`stopped` cannot be opened, for these reasons. With `stops_with_last`, the last one's error is raised."""
        self._stops_with_last = stops_with_last
        self._log, self._judged, self._projections, self._batch = log, judged, list(projections), batch
        self._unindexed = [running for running in projections if not running.file.is_complete()]
        self.stopped = dict(stopped)
        """{projection: why it stopped}. The others continue."""
        self.damaged: dict[Path, str] = {}
        """{damaged file: the damage}. Its projection has stopped; the others continue."""

    @property
    def partitions(self) -> range:
        """The partitions of the log."""
        return range(self._log.partitions)

    @property
    def positions(self) -> Positions:
        """The committed positions of each projection."""
        return {running.name: committed_offsets(self._log, running.file) for running in self._projections}

    async def fold_round(self, partitions: Iterable[int], on_commit: OnCommit) -> set[int]:
        """Apply the next judged batch of each of the partitions; return those where there may be more.

        Raises as Engine.fold_round does.
        """
        unfinished = set()
        for partition in partitions:
            before = self.positions
            if await self.catch_up(partition):
                unfinished.add(partition)
            if self.positions != before:
                on_commit(self.positions)
        await self.create_indexes_near_end()
        return unfinished

    def apply(self, batch: Batch, offset: int) -> None:
        """Apply a batch that begins at an offset to the projections that are there."""
        _, retries = self._judged.position(batch.partition)
        for running in list(self._projections):
            if running.is_at(batch.partition, offset, retries):
                with self._stopping_alone(running):
                    running.apply(batch)

    async def catch_up(self, partition: int) -> bool:
        """Apply the next judged batch to each projection that is behind `orders`; return whether there may be more."""
        judged_offset, retries = self._judged.position(partition)
        has_more = False
        for running in list(self._projections):
            if not running.is_at(partition, judged_offset, retries):
                with self._stopping_alone(running):
                    has_more = await running.catch_up(self._judged, partition, self._batch) or has_more
        return has_more

    async def retry(self, order_id: str) -> int | None:
        """Apply the facts of an order that is no longer parked. Only the engine knows their number."""
        for partition in self.partitions:
            await self.catch_up(partition)
        return None

    async def fold_up_to(self, name: str, partition: int, end: int) -> None:
        """Apply the messages of a partition before `end` to a projection, and no others."""
        running = self._running(name)
        while running.file.positions[partition].next_offset < end:
            await running.catch_up(self._judged, partition, self._batch, end)

    def connection_of(self, name: str) -> Connection:
        """Return the connection of a projection's file."""
        return self._running(name).file.connection

    def _running(self, name: str) -> RunningProjection:
        return next(running for running in self._projections if running.name == name)

    async def create_indexes_near_end(self) -> None:
        """Create the secondary indexes of each projection that is near the end of the log."""
        if not self._unindexed:
            return
        end = sum([await self._log.end(partition) for partition in self.partitions])
        for running in list(self._unindexed):
            if end - sum(stored.next_offset for stored in running.file.positions.values()) <= BULK:
                self._unindexed.remove(running)
                with self._stopping_alone(running):
                    running.create_indexes()
                    running.file.mark_complete()

    @contextmanager
    def _stopping_alone(self, running: RunningProjection) -> Iterator[None]:
        """Remove a projection that fails in the body. Raises its error if no other one is left."""
        try:
            yield
        except (ProjectionFailed, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.Error):
                if find_damaged_file(error) != running.file.path:
                    raise
                self.note_damage(running.name, running.file.path, error)
            else:
                self.stopped[running.name] = str(error)
            self._projections.remove(running)
            self._unindexed = [unindexed for unindexed in self._unindexed if unindexed is not running]
            running.file.close()
            if self._stops_with_last and not self._projections:
                raise

    def note_damage(self, name: str, file: Path, error: sqlite3.Error) -> None:
        """Note that the file of a projection is damaged, which is none of these projections any more."""
        self.damaged[file] = str(error)
        self.stopped[name] = f"{file.name} is damaged ({error})"

    def trim(self) -> None:
        """Move the -wal files into the files if they are long or old enough."""
        for running in list(self._projections):
            with self._stopping_alone(running):
                running.file.trim()

    def close(self) -> None:
        """Close the files; the log stays open."""
        for running in self._projections:
            running.file.close()
