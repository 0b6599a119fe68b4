"""Runs one projection on its file: applies batches, and catches up with the projection `orders`."""

from collections.abc import Iterable, Mapping

from sqlite_utils import Database

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.judged_log import JudgedLog, RetriedFacts
from ordertrail_server.projections.order_states import load_states, save_states
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.projection_error import PositionMoved, ProjectionFailed
from ordertrail_server.projections.projection_file import ProjectionFile, StoredPosition, write_base_rows
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.storage.transaction import transaction

WAITING = "SELECT position, order_id FROM ordertrail_waiting WHERE position >> 48 = ?"
FREE = "DELETE FROM ordertrail_waiting WHERE position = ?"
UPDATE_REASON = "UPDATE ordertrail_waiting SET reason = ? WHERE position = ? AND reason <> ?"


class RunningProjection:
    """One projection and its file."""

    def __init__(self, projection: Projection, file: ProjectionFile) -> None:
        self.projection, self.file = projection, file
        # The partitions whose waiting facts were compared with those of `orders`. The counts of retries do not suffice,
        # because the file of `orders` may have been built anew, and counts from 0 then.
        self._compared: set[int] = set()

    @property
    def name(self) -> str:
        """The name of the projection."""
        return self.projection.name

    def create_indexes(self) -> None:
        """Create the secondary indexes that are missing."""
        database = Database(self.file.connection, recursive_triggers=False, execute_plugins=False)
        with transaction(self.file.connection):
            self.projection.create_indexes(database)

    def is_at(self, partition: int, offset: int, retries: int) -> bool:
        """Return whether the file has all that the file of `orders` has at this position, and no more."""
        stored = self.file.positions[partition]
        return stored.next_offset == offset and stored.retries == retries and partition in self._compared

    def apply(self, batch: Batch, *, has_orders: bool = True) -> None:
        """Apply the batch that follows on the file's position. Raises PositionMoved, and what the projection raises.

        `has_orders` is true if the facts of the batch have their orders.
        """
        stored = self.file.positions[batch.partition]
        with self.file.moving(batch.partition, StoredPosition(batch.next_offset, batch.digest, stored.retries)):
            write_base_rows(self.file.connection, batch)
            self._apply(batch, has_orders)

    async def catch_up(self, log: JudgedLog, partition: int, limit: int, end: int | None = None) -> bool:
        """Apply the next judged messages, at most `limit` and those before `end`; return whether there were any.

        A file that is ahead of `orders`, because that is built anew, is left as it is.
        """
        await self.apply_retried(log, partition)
        next_offset, (judged_end, _) = self.file.positions[partition].next_offset, log.position(partition)
        if judged_end <= next_offset:
            return False
        limit = min(limit, end - next_offset) if end is not None else limit
        batch = await log.read(partition, next_offset, limit, self._waiting(partition).values())
        if batch is None:
            return False
        self.apply(batch, has_orders=False)
        return True

    async def apply_retried(self, log: JudgedLog, partition: int) -> None:
        """Apply the waiting facts of orders that a retry has freed since, unless `orders` has not reached them."""
        stored, (judged_end, retries) = self.file.positions[partition], log.position(partition)
        if judged_end < stored.next_offset or self.is_at(partition, stored.next_offset, retries):
            return
        waiting = self._waiting(partition)
        if waiting or retries != stored.retries:
            retried = await log.read_retried(partition, waiting, (stored.next_offset, stored.digest))
            with self.file.moving(partition, stored._replace(retries=retries)):
                self._free(retried)
                self._apply(retried.freed, has_orders=False)
        self._compared.add(partition)

    def _free(self, retried: RetriedFacts) -> None:
        freed = [(retried.freed.position_of(fact.logged.offset),) for fact in retried.freed.facts]
        # The position may stay the same, so it does not show that another process has applied them.
        if freed and self.file.connection.executemany(FREE, freed).rowcount != len(freed):
            raise PositionMoved(f"facts of parked orders no longer wait in {self.file.path.name}")
        reasons = [(reason, position, reason) for position, reason in retried.waiting.items()]
        self.file.connection.executemany(UPDATE_REASON, reasons)

    def _apply(self, batch: Batch, has_orders: bool) -> None:
        try:
            if not has_orders:
                self._add_orders(batch)
            self.projection.apply(batch, self.file.connection)
        except Exception as error:
            if isinstance(error, sqlite3.OperationalError) and not is_damage(error):
                raise  # such as a full disk, which may pass
            place = f"partition {batch.partition}, before offset {batch.next_offset}"
            reason = f"the projection {self.name} failed at {place}: {type(error).__name__}: {error}"
            raise ProjectionFailed(reason) from error
        if self.projection.uses_orders:
            save_states(self.file.connection, batch.orders)

    def _waiting(self, partition: int) -> Mapping[int, str]:
        return dict(self.file.connection.execute(WAITING, (partition,)).fetchall())

    def _add_orders(self, batch: Batch) -> None:
        if not self.projection.uses_orders:
            return
        orders = dict(self._load_orders(fact.event.order_id for fact in batch.facts))
        for index, fact in enumerate(batch.facts):
            order_id = fact.event.order_id
            before, after = orders.get(order_id), evolve(orders.get(order_id), fact.event)
            orders[order_id] = after
            batch.facts[index] = fact._replace(before=before, order=after)

    def _load_orders(self, order_ids: Iterable[str]) -> Mapping[str, Order]:
        unique_ids = set(order_ids)
        return load_states(self.file.connection, unique_ids)
