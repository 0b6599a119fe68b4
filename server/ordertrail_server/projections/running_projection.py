"""Runs one projection on its file: applies batches, and catches up with the projection `orders`."""

from collections.abc import Iterable, Mapping

from sqlite_utils import Database

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.judged_log import JudgedLog
from ordertrail_server.projections.order_states import load_states, save_states
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.projection_error import ProjectionFailed
from ordertrail_server.projections.projection_file import ProjectionFile, StoredPosition, write_base_rows
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.storage.transaction import transaction

WAITING = "SELECT position, order_id FROM ordertrail_waiting WHERE position >> 48 = ?"
FREE = "DELETE FROM ordertrail_waiting WHERE position = ?"


class RunningProjection:
    """One projection and its file."""

    def __init__(self, projection: Projection, file: ProjectionFile) -> None:
        self.projection, self.file = projection, file

    @property
    def name(self) -> str:
        """The name of the projection."""
        return self.projection.name

    def create_indexes(self) -> None:
        """Create the secondary indexes that are missing."""
        database = Database(self.file.connection, recursive_triggers=False, execute_plugins=False)
        with transaction(self.file.connection):
            self.projection.create_indexes(database)

    def apply(self, batch: Batch, retries: int) -> None:
        """Apply the batch that follows on the file's position. Raises PositionMoved, and what the projection raises.

        `retries` is the number of retries that the file includes.
        """
        with self.file.moving(batch.partition, StoredPosition(batch.next_offset, batch.digest, retries)):
            write_base_rows(self.file.connection, batch)
            self._apply(batch)

    async def catch_up(self, log: JudgedLog, partition: int, limit: int, end: int | None = None) -> bool:
        """Apply the next judged messages, at most `limit` and those before `end`; return whether there were any."""
        await self.apply_freed(log, partition)
        stored = self.file.positions[partition]
        limit = min(limit, end - stored.next_offset) if end is not None else limit
        batch = await log.read(partition, stored.next_offset, limit, self._waiting(partition).values())
        if batch is None:
            return False
        self._add_orders(batch)
        self.apply(batch, stored.retries)
        return True

    async def apply_freed(self, log: JudgedLog, partition: int) -> None:
        """Apply the waiting facts of orders that a retry has freed since."""
        stored, (_, retries) = self.file.positions[partition], log.position(partition)
        if retries == stored.retries:
            return
        batch = await log.read_freed(partition, self._waiting(partition), (stored.next_offset, stored.digest))
        self._add_orders(batch)
        with self.file.moving(partition, stored._replace(retries=retries)):
            freed = [(batch.position_of(fact.logged.offset),) for fact in batch.facts]
            self.file.connection.executemany(FREE, freed)
            self._apply(batch)

    def _apply(self, batch: Batch) -> None:
        try:
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
