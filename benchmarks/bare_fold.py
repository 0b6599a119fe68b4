"""The limit of the projector: a loop that does the same Python work and writes the same rows, and nothing else.

It trusts each record: it judges none and verifies no page. It keeps every order in memory, writes plain files instead
of checked ones, and compares and keeps no position.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from ordertrail_server.facts.link import link_of
from ordertrail_server.log.port import Log, Logged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.projections.batch import AppliedFact, Batch
from ordertrail_server.projections.history.projection import HistoryProjection
from ordertrail_server.projections.orders.order_rows import INSERT_LINK, link_row
from ordertrail_server.projections.orders.order_states import customer_of, write_order_states
from ordertrail_server.projections.orders.snapshots import write_snapshots
from ordertrail_server.projections.orders.stored_orders import StoredOrder
from ordertrail_server.projections.orders.tables import create_order_indexes, create_order_tables
from ordertrail_server.projections.product_totals.projection import ProductTotals
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.timeline.projection import Timeline
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.schema.reading import read
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.transaction import transaction


@dataclass
class BareFold:
    """All orders so far, and the files of the rows: of `orders`, and of the other projections."""

    topic: str
    file: Database
    dependents: Sequence[tuple[Projection, Database]]
    orders: dict[str, StoredOrder] = field(default_factory=dict)

    def fold(self, records: list[Logged]) -> None:
        """Fold the next records and commit their rows."""
        batch = Batch(self.topic, 0, records[-1].offset + 1, records[-1].digest)
        links: list[tuple[object, ...]] = []
        before = {record.key: self.orders[record.key] for record in records if record.key in self.orders}
        for logged in records:
            self._fold_record(logged, batch, links)
        changed = {record.key: self.orders[record.key] for record in records}
        with transaction(self.file.conn):
            write_order_states(self.file.conn, changed, before)
            write_snapshots(self.file.conn, (fact.order for fact in batch.facts), changed)
            self.file.conn.executemany(INSERT_LINK, links)
        for projection, file in self.dependents:
            with transaction(file.conn):
                projection.apply(batch, file)

    def _fold_record(self, logged: Logged, batch: Batch, links: list[tuple[object, ...]]) -> None:
        reading = read(logged.value)
        assert reading is not None
        stored = self.orders.get(logged.key)
        before = None if stored is None else stored.aggregate.order
        after = evolve(before, reading.event)
        aggregate = Aggregate(after, after.version, logged.digest, "")
        number = len(self.orders) + 1 if stored is None else stored.order_no
        self.orders[logged.key] = StoredOrder(number, aggregate)
        links.append(link_row(number, link_of(reading.event, aggregate, logged.digest, logged.offset)))
        batch.facts.append(AppliedFact(logged, reading, after.update_time, customer_of(after), before, after))


async def fold_bare(log: Log, directory: Path, batch_size: int) -> None:
    """Fold a log of one partition into new files."""
    create_directory(directory)
    with ExitStack() as opened:

        def create_file(name: str) -> Database:
            connection = opened.enter_context(closing(connect_writer(directory / f"{name}.sqlite", "NORMAL")))
            return wrap_connection(connection)

        projections = (HistoryProjection(), ProductTotals(), Timeline())
        create_order_tables(file := create_file("orders"))
        dependents = [(projection, create_file(projection.name)) for projection in projections]
        for projection, database in dependents:
            projection.create_tables(database)
        fold, offset = BareFold(log.topic, file, dependents), 0
        while records := await log.read(0, offset, batch_size):
            fold.fold(records)
            offset = records[-1].offset + 1
        create_order_indexes(file)
        for projection, database in dependents:
            projection.create_indexes(database)
