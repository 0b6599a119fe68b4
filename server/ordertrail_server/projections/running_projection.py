"""Runs one projection on its file: applies batches, and catches up with the projection `orders`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.earlier_orders import EarlierOrders
from ordertrail_server.projections.failure_text import describe_failure
from ordertrail_server.projections.judged_log import JudgedLog, RetriedFacts
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.projection_error import PositionMoved, ProjectionFailed
from ordertrail_server.projections.projection_file import ProjectionFile, StoredPosition, write_base_rows
from ordertrail_server.storage.checked.error import find_damaged_file
from ordertrail_server.storage.sqlite_error import may_pass
from ordertrail_server.storage.transaction import transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

WAITING = "SELECT position, order_id FROM ordertrail_waiting WHERE position >> 48 = ?"
FREE = "DELETE FROM ordertrail_waiting WHERE position = ?"
UPDATE_REASON = "UPDATE ordertrail_waiting SET reason = ? WHERE position = ? AND reason <> ?"


class RunningProjection:
    """One projection and its file."""

    def __init__(self, projection: Projection, file: ProjectionFile) -> None:
        self.projection, self.file = projection, file
        self._earlier_orders = EarlierOrders()
        # The partitions whose waiting facts were compared with those of `orders`. The counts of retries do not suffice,
        # because the file of `orders` may have been built anew, and counts from 0 then.
        self._compared: set[int] = set()

    @property
    def name(self) -> str:
        """The name of the projection."""
        return self.projection.name

    def create_indexes(self) -> None:
        """Create the secondary indexes that are missing. Raises ProjectionFailed."""
        database = self._database
        with transaction(self.file.connection), self._raising_failure("while it created its indexes"):
            self.projection.create_indexes(database)

    @cached_property
    def _database(self) -> "Database":
        # Imported here, because a start on files that are complete does without sqlite-utils until the first batch.
        from ordertrail_server.projections.wrapped_connection import wrap_connection

        return wrap_connection(self.file.connection)

    def is_at(self, partition: int, offset: int, retries: int) -> bool:
        """Return whether the file has all that the file of `orders` has at this position, and no more."""
        stored = self.file.positions[partition]
        return stored.next_offset == offset and stored.retries == retries and partition in self._compared

    def apply(self, batch: Batch) -> None:
        """Apply the batch of the engine that follows on the file's position. Raises PositionMoved, ProjectionFailed."""
        self._earlier_orders.clear()
        self._apply_next(batch)

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
        await self._add_orders(batch, log)
        self._apply_next(batch)
        return True

    async def apply_retried(self, log: JudgedLog, partition: int) -> None:
        """Apply the waiting facts of orders that a retry has freed since, unless `orders` has not reached them."""
        stored, (judged_end, retries) = self.file.positions[partition], log.position(partition)
        if judged_end < stored.next_offset or self.is_at(partition, stored.next_offset, retries):
            return
        waiting = self._waiting(partition)
        if waiting or retries != stored.retries:
            retried = await log.read_retried(partition, waiting, (stored.next_offset, stored.digest))
            await self._add_orders(retried.freed, log)
            with self.file.moving(partition, stored._replace(retries=retries)):
                self._free(retried)
                self._apply(retried.freed)
        self._compared.add(partition)

    def _free(self, retried: RetriedFacts) -> None:
        freed = [(retried.freed.position_of(fact.logged.offset),) for fact in retried.freed.facts]
        # The position may stay the same, so it does not show that another process has applied them.
        if freed and self.file.connection.executemany(FREE, freed).rowcount != len(freed):
            raise PositionMoved(f"facts of parked orders no longer wait in {self.file.path.name}")
        reasons = [(reason, position, reason) for position, reason in retried.waiting.items()]
        self.file.connection.executemany(UPDATE_REASON, reasons)

    def _apply_next(self, batch: Batch) -> None:
        stored = self.file.positions[batch.partition]
        with self.file.moving(batch.partition, StoredPosition(batch.next_offset, batch.digest, stored.retries)):
            write_base_rows(self.file.connection, batch)
            self._apply(batch)

    def _apply(self, batch: Batch) -> None:
        database = self._database
        with self._raising_failure(f"at partition {batch.partition}, before offset {batch.next_offset}"):
            self.projection.apply(batch, database)
            if not self.file.connection.in_transaction:
                raise RuntimeError("it ended the transaction, which it must not do")

    @contextmanager
    def _raising_failure(self, place: str) -> Iterator[None]:
        """Raise ProjectionFailed for an error of the projection's own code, and others as they are."""
        try:
            yield
        except BaseException as error:  # as SystemExit: the code is not ours, and does not wait for anything of ours
            if may_pass(error) or find_damaged_file(error) or isinstance(error, KeyboardInterrupt):
                raise
            reason = f"the projection {self.name} failed {place}: {describe_failure(error)}"
            raise ProjectionFailed(reason) from error

    def _waiting(self, partition: int) -> Mapping[int, str]:
        return dict(self.file.connection.execute(WAITING, (partition,)).fetchall())

    async def _add_orders(self, batch: Batch, log: JudgedLog) -> None:
        if self.projection.uses_orders:
            await self._earlier_orders.add_to(batch, log)
