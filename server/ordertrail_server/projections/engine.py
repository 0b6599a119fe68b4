"""The engine: folds the log into the projection `orders`, and hands each batch to the other projections.

It works on one partition at a time and keeps nothing across partitions. `orders` commits a batch first. A projection
that is not at the same position, for example because it is new, reads the log again with the verdicts of `orders`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import time_ns

from ordertrail_server.log.port import Log, Logged
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.dependents import (
    BATCH,
    BULK,
    Dependents,
    OnCommit,
    Positions,
    committed_offsets,
)
from ordertrail_server.projections.orders.projection import OrderProjection
from ordertrail_server.storage.connection import Connection

TraceFold = Callable[[Batch, int], None]
"""Gets each batch once it is committed, and when its fold began, in nanoseconds since 1970."""


class Engine:
    """Folds one log into the files of several projections. For one task at a time.

    Any number of engines may run on the same files: each batch is written with compare-and-set on the stored position.
    """

    def __init__(
        self,
        log: Log,
        orders: OrderProjection,
        dependents: Dependents,
        batch: int = BATCH,
        trace: TraceFold | None = None,
    ) -> None:
        self._log, self._orders, self._dependents, self._batch = log, orders, dependents, batch
        self._trace = trace
        self._has_indexes = orders.file.is_complete()

    @property
    def partitions(self) -> range:
        """The partitions of the log."""
        return range(self._log.partitions)

    @property
    def positions(self) -> Positions:
        """The committed positions of each projection."""
        return {self._orders.name: committed_offsets(self._log, self._orders.file), **self._dependents.positions}

    @property
    def stopped(self) -> Mapping[str, str]:
        """{projection: why it stopped}. The others continue."""
        return self._dependents.stopped

    @property
    def damaged(self) -> Mapping[Path, str]:
        """{damaged file: the damage}. Its projection has stopped; the others continue."""
        return self._dependents.damaged

    async def catch_up(self, on_commit: OnCommit = lambda positions: None) -> None:
        """Fold up to the ends of all partitions. Raises as `fold_round` does."""
        unfinished = set(self.partitions)
        while unfinished:
            unfinished = await self.fold_round(unfinished, on_commit)

    async def fold_round(self, partitions: Iterable[int], on_commit: OnCommit) -> set[int]:
        """Fold the next batch of each of the partitions, or pass a gap; return those where there may be more.

        `on_commit` gets the positions after each commit, and past each gap. Raises PositionMoved, LogDamaged,
        LogUnavailable, and sqlite3.Error, as for a full disk. After each of them the files are as of their last
        commits; open them anew.
        """
        unfinished = {partition for partition in partitions if await self._fold_partition(partition, on_commit)}
        await self._create_indexes_near_end()
        return unfinished

    async def retry(self, order_id: str) -> int | None:
        """Fold a parked order's waiting facts again in every projection; see OrderProjection.retry."""
        folded_count = await self._orders.retry(order_id)
        await self._dependents.retry(order_id)
        return folded_count

    async def fold_up_to(self, name: str, partition: int, end: int) -> None:
        """Fold the messages of a partition before `end` into a projection, and into that no others."""
        orders = self._orders.file
        while orders.positions[partition].next_offset < end:
            offset = orders.positions[partition].next_offset
            records = await self._log.read(partition, offset, min(self._batch, end - offset))
            self._orders.fold(partition, [record for record in records if record.offset < end])
        if name != self._orders.name:
            await self._dependents.fold_up_to(name, partition, end)

    def connection_of(self, name: str) -> Connection:
        """Return the connection of a projection's file."""
        return self._orders.file.connection if name == self._orders.name else self._dependents.connection_of(name)

    def trim(self) -> None:
        """Move the -wal files into the files if they are long or old enough."""
        self._orders.file.trim()
        self._dependents.trim()

    def close(self) -> None:
        """Close the files; the log stays open."""
        self._orders.file.close()
        self._dependents.close()

    async def _fold_partition(self, partition: int, on_commit: OnCommit) -> bool:
        """Fold the partition's next records, or pass a gap; return whether there may be more."""
        before = self.positions
        offset = self._orders.file.positions[partition].next_offset
        records = await self._log.read(partition, offset, self._batch)
        if records:
            self._fold_records(partition, records, offset)
        dependents_have_more = await self._dependents.catch_up(partition)
        if self.positions != before:
            on_commit(self.positions)
        return len(records) == self._batch or dependents_have_more

    def _fold_records(self, partition: int, records: Sequence[Logged], offset: int) -> None:
        begin_ns = time_ns()
        batch = self._orders.fold(partition, records).batch
        self._dependents.apply(batch, offset)
        if self._trace is not None:
            self._trace(batch, begin_ns)

    async def _create_indexes_near_end(self) -> None:
        if not self._has_indexes:
            end = sum([await self._log.end(partition) for partition in self.partitions])
            if end - sum(stored.next_offset for stored in self._orders.file.positions.values()) <= BULK:
                self._orders.create_indexes()
                self._orders.file.mark_complete()
                self._has_indexes = True
        await self._dependents.create_indexes_near_end()
