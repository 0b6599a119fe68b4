"""The projection `orders`: folds the log, and holds what the command side decides on.

It is the only projection that judges messages. All others take its verdicts.
"""

from collections.abc import Sequence

from ordertrail_server.facts.step import Place
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Log, Logged
from ordertrail_server.log.single_read import read_one
from ordertrail_server.projections.order_fold import OrderFold
from ordertrail_server.projections.orders.order_retry import (
    find_waiting_records,
    refold_order,
    write_refolded_order,
)
from ordertrail_server.projections.orders.order_rows import number_orders, write_order_rows
from ordertrail_server.projections.orders.stored_orders import StoredOrders
from ordertrail_server.projections.orders.tables import create_order_indexes
from ordertrail_server.projections.projection_file import ProjectionFile, StoredPosition, write_base_rows

NAME = "orders"
CACHE_BYTES = 32 * 1024 * 1024


class OrderProjection:
    """Folds batches into its file. For one task at a time."""

    name = NAME

    def __init__(self, log: Log, file: ProjectionFile, cache_bytes: int = CACHE_BYTES) -> None:
        self._log, self.file = log, file
        self._orders = StoredOrders(file.connection, cache_bytes)
        self._last_number = self._orders.last_number()

    def create_indexes(self) -> None:
        """Create the secondary indexes that are missing."""
        from ordertrail_server.projections.wrapped_connection import wrap_connection

        create_order_indexes(wrap_connection(self.file.connection))

    def fold(self, partition: int, records: Sequence[Logged]) -> OrderFold:
        """Fold the next records of a partition and commit them. Raises PositionMoved, sqlite3.Error."""
        stored = self._orders.load(logged.key for logged in records)
        aggregates = {order_id: order.aggregate for order_id, order in stored.items()}

        def stored_links(order_id: str, version: int) -> set[bytes]:
            return self._orders.links_at(stored[order_id].order_no, version) if order_id in stored else set()

        fold = OrderFold(self._log.topic, Place(partition, self._log.partitions), aggregates, stored_links)
        for logged in records:
            fold.take(logged)
        changed = number_orders(fold, stored, self._last_number)
        batch, retries = fold.batch, self.file.positions[partition].retries
        with self.file.moving(partition, StoredPosition(batch.next_offset, batch.digest, retries)):
            write_base_rows(self.file.connection, batch)
            write_order_rows(self.file.connection, fold, changed, stored)
        self._last_number += len(changed.keys() - stored.keys())
        self._orders.cache(changed)
        return fold

    async def retry(self, order_id: str) -> int | None:
        """Fold a parked order's waiting facts again, as far as they can be read now.

        Returns how many were folded, None if the order is not parked. It is one transaction; repeating it is safe.
        Raises PositionMoved, ProjectionRefused, LogUnavailable, LogDamaged, sqlite3.Error; then nothing was changed.
        """
        stored = self._orders.load([order_id]).get(order_id)
        if stored is None or not stored.aggregate.parked:
            return None
        partition = partition_of(order_id, self._log.partitions)
        waiting = find_waiting_records(self.file.connection, order_id, stored.aggregate)
        records = [await read_one(self._log, partition, at) for at in waiting.offsets()]
        refolded = refold_order(stored.aggregate, records, waiting, partition)
        position = self.file.positions[partition]
        with self.file.moving(partition, position._replace(retries=position.retries + 1)):
            after = write_refolded_order(self.file.connection, order_id, stored, refolded, partition)
        self._orders.cache({order_id: after})
        return len(refolded.folded)
