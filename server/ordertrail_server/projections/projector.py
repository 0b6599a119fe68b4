"""The projector: folds the log into the read model, batch by batch, each exactly once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Log, Logged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.projections.fold import BatchFold, Place
from ordertrail_server.projections.order_history import (
    create_indexes,
    is_indexed,
    open_order_history,
    stored_positions,
)
from ordertrail_server.projections.projector_error import PositionMoved
from ordertrail_server.projections.retry import refold_order, write_refolded_order
from ordertrail_server.projections.rows import Rows, count_written, write_rows
from ordertrail_server.projections.stored_orders import StoredOrders
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.transaction import transaction
from ordertrail_server.storage.wal_trimmer import WalTrimmer

BATCH = 2_000
HOT_ORDERS = 20_000
# If more records than this are still to be folded, the secondary indexes are created later.
BULK = 20_000

MOVE = "UPDATE positions SET next_offset = ?, digest = ? WHERE partition = ? AND next_offset = ? AND retries = ?"
RETRY = "UPDATE positions SET retries = retries + 1 WHERE partition = ? AND next_offset = ? AND retries = ?"
RETRIES = "SELECT partition, retries FROM positions"

OnCommit = Callable[[Mapping[int, int]], None]


class Projector:
    """Folds one log into one read model. For one task at a time.

    Any number of projectors may run on one file: each batch is written with compare-and-set on the stored position.
    """

    def __init__(
        self, log: Log, connection: sqlite3.Connection, trimmer: WalTrimmer, batch: int, hot_orders: int
    ) -> None:
        self._log, self._connection, self._batch = log, connection, batch
        self._orders = StoredOrders(connection, hot_orders)
        self._positions = {partition: offset for partition, offset, _ in stored_positions(connection)}
        self._retries: dict[int, int] = dict(connection.execute(RETRIES).fetchall())
        self._has_indexes = is_indexed(connection)
        self._trimmer = trimmer

    @classmethod
    async def open(cls, log: Log, path: Path, batch: int = BATCH, hot_orders: int = HOT_ORDERS) -> "Projector":
        """Open or create the read model at `path`. Raises as open_order_history does.

        A transaction takes at most `batch` records; at most `hot_orders` orders are kept in memory between them.
        """
        connection = await open_order_history(path, log)
        return cls(log, connection, WalTrimmer(connection, path), batch, hot_orders)

    @property
    def positions(self) -> dict[int, int]:
        """{partition: the offset before which everything is committed}, advanced past a gap that follows."""
        return {partition: self._log.skip_gap(partition, offset) for partition, offset in self._positions.items()}

    async def catch_up(self, on_commit: OnCommit = lambda positions: None) -> None:
        """Fold up to the ends of all partitions. Raises as `fold_round` does."""
        await self._create_indexes_near_end()
        unfinished = set(self._positions)
        while unfinished:
            unfinished = await self.fold_round(unfinished, on_commit)

    async def fold_round(self, partitions: Iterable[int], on_commit: OnCommit) -> set[int]:
        """Fold the next batch of each of the partitions, or pass a gap; return those where there may be more.

        `on_commit` gets the positions after each commit, and past each gap; it may call `retry`. Raises PositionMoved,
        LogDamaged, LogUnavailable, and sqlite3.Error, as for a full disk. After each of them the read model is as of
        the last commit; open it anew.
        """
        unfinished = {partition for partition in partitions if await self._fold_batch(partition, on_commit)}
        await self._create_indexes_near_end()
        return unfinished

    def retry(self, order_id: str) -> int | None:
        """Fold a parked order's waiting facts again, as far as they can be read now.

        Returns how many were folded, None if the order is not parked. It is one transaction; repeating it is safe.
        Raises PositionMoved, ReadModelRefused, sqlite3.Error. Then nothing was changed; open the read model anew.
        """
        aggregate = self._orders.aggregates([order_id]).get(order_id)
        if aggregate is None or not aggregate.parked:
            return None
        partition = partition_of(order_id, self._log.partitions)
        with self._move_position(RETRY, partition):
            place = Place(self._log.topic, partition, self._log.partitions)
            refolded = refold_order(self._connection, self._orders, place, order_id, aggregate)
            write_refolded_order(self._connection, order_id, refolded)
        self._retries[partition] += 1
        self._orders.cache(refolded.rows.orders)
        return len(refolded.rows.events)

    def trim(self) -> None:
        """Truncate a -wal file that has grown during a long read or while the indexes were created."""
        self._trimmer.trim()

    def close(self) -> None:
        """Close the read model; the log stays open."""
        self._connection.close()

    async def _fold_batch(self, partition: int, on_commit: OnCommit) -> bool:
        """Fold the partition's next records, or pass a gap; return whether there may be more."""
        offset = self._positions[partition]
        gap_end = self._log.skip_gap(partition, offset)
        records = await self._log.read(partition, offset, self._batch)
        if records:
            self._fold(partition, records)
        if self._log.skip_gap(partition, self._positions[partition]) > gap_end:
            on_commit(self.positions)
        return len(records) == self._batch

    async def _create_indexes_near_end(self) -> None:
        if not self._has_indexes:
            ends = [await self._log.end(partition) for partition in self._positions]
            if sum(ends) - sum(self._positions.values()) <= BULK:
                create_indexes(self._connection)
                self._has_indexes = True

    def _fold(self, partition: int, records: list[Logged]) -> None:
        stored = self._orders.aggregates(logged.key for logged in records)
        place = Place(self._log.topic, partition, self._log.partitions)
        batch = BatchFold(place, stored, self._orders.digest_of)
        for logged in records:
            batch.take(logged)
        self._commit(partition, records[-1], batch.rows, stored)
        self._positions[partition] = records[-1].offset + 1
        self._orders.cache(batch.rows.orders)

    def _commit(self, partition: int, last: Logged, rows: Rows, stored: Mapping[str, Aggregate]) -> None:
        with self._move_position(MOVE, partition, last.offset + 1, last.digest):
            write_rows(self._connection, rows, stored)
            count_written(self._connection, partition, rows)

    @contextmanager
    def _move_position(self, statement: str, partition: int, *to: object) -> Iterator[None]:
        """Move the position by compare-and-set, in one transaction with the body's writes."""
        expected = self._positions[partition], self._retries[partition]
        with transaction(self._connection):
            if self._connection.execute(statement, (*to, partition, *expected)).rowcount != 1:
                raise PositionMoved(f"partition {partition} of the read model is no longer at offset {expected[0]}")
            yield
