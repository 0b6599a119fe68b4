"""The engine: folds the log into the projection `orders`, and hands each batch to the other projections.

It works on one partition at a time and keeps nothing across partitions. `orders` commits a batch first. A projection
that is not at the same position, for example because it is new, reads the log again with the verdicts of `orders`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from ordertrail_server.log.port import Log
from ordertrail_server.projections.judged_log import JudgedLog
from ordertrail_server.projections.orders.projection import OrderProjection
from ordertrail_server.projections.projection_file import ProjectionFile
from ordertrail_server.projections.running_projection import RunningProjection

BATCH = 2_000
# If more records than this are still to be folded, the secondary indexes are created later.
BULK = 20_000

Positions = Mapping[str, Mapping[int, int]]
"""{projection: {partition: the offset before which everything is committed}}."""

OnCommit = Callable[[Positions], None]


class Engine:
    """Folds one log into the files of several projections. For one task at a time.

    Any number of engines may run on the same files: each batch is written with compare-and-set on the stored position.
    """

    def __init__(
        self, log: Log, orders: OrderProjection, others: Sequence[RunningProjection], batch: int = BATCH
    ) -> None:
        self._log, self._orders, self._others, self._batch = log, orders, others, batch
        self._judged = JudgedLog(log, orders.file.connection)
        self._without_indexes = {orders.name, *(other.name for other in others)}

    @property
    def positions(self) -> Positions:
        """The committed positions, advanced past a gap that follows."""
        return {name: self._positions_of(file) for name, file in self._files.items()}

    async def catch_up(self, on_commit: OnCommit = lambda positions: None) -> None:
        """Fold up to the ends of all partitions. Raises as `fold_round` does."""
        unfinished = set(self._orders.file.positions)
        while unfinished:
            unfinished = await self.fold_round(unfinished, on_commit)

    async def fold_round(self, partitions: Iterable[int], on_commit: OnCommit) -> set[int]:
        """Fold the next batch of each of the partitions, or pass a gap; return those where there may be more.

        `on_commit` gets the positions after each commit, and past each gap. Raises PositionMoved, LogDamaged,
        LogUnavailable, and sqlite3.Error, as for a full disk. After each of them the files are as of their last
        commits; open them anew.
        """
        await self._create_indexes_near_end()
        return {partition for partition in partitions if await self._fold_partition(partition, on_commit)}

    async def retry(self, order_id: str) -> int | None:
        """Fold a parked order's waiting facts again in every projection; see OrderProjection.retry."""
        folded_count = await self._orders.retry(order_id)
        for other in self._others:
            for partition in other.file.positions:
                await other.apply_freed(self._judged, partition)
        return folded_count

    def trim(self) -> None:
        """Truncate -wal files that have grown during a long read or while indexes were created."""
        for file in self._files.values():
            file.trim()

    def close(self) -> None:
        """Close the files; the log stays open."""
        for file in self._files.values():
            file.close()

    @property
    def _files(self) -> dict[str, ProjectionFile]:
        return {self._orders.name: self._orders.file, **{other.name: other.file for other in self._others}}

    def _positions_of(self, file: ProjectionFile) -> dict[int, int]:
        return {partition: self._log.skip_gap(partition, at.next_offset) for partition, at in file.positions.items()}

    async def _fold_partition(self, partition: int, on_commit: OnCommit) -> bool:
        """Fold the partition's next records, or pass a gap; return whether there may be more."""
        before = self.positions
        offset = self._orders.file.positions[partition].next_offset
        records = await self._log.read(partition, offset, self._batch)
        if records:
            batch = self._orders.fold(partition, records).batch
            for other in self._others:
                stored = other.file.positions[partition]
                if stored.next_offset == offset:
                    other.apply(batch, stored.retries)
        has_more = len(records) == self._batch
        for other in self._others:
            if other.file.positions[partition].next_offset < self._orders.file.positions[partition].next_offset:
                has_more = await other.catch_up(self._judged, partition, self._batch) or has_more
        if self.positions != before:
            on_commit(self.positions)
        return has_more

    async def _create_indexes_near_end(self) -> None:
        if not self._without_indexes:
            return
        end = sum([await self._log.end(partition) for partition in self._orders.file.positions])
        for name, file in self._files.items():
            if end - sum(at.next_offset for at in file.positions.values()) <= BULK:
                self._create_indexes(name)

    def _create_indexes(self, name: str) -> None:
        if name not in self._without_indexes:
            return
        if name == self._orders.name:
            self._orders.create_indexes()
        for other in self._others:
            if other.name == name:
                other.create_indexes()
        self._without_indexes.remove(name)
