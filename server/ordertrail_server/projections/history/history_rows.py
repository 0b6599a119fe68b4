"""The rows of the projection `history`. This module decides nothing."""

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.log.position import first_packed
from ordertrail_server.orders.products import products_named
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.history.tables import BLOCK
from ordertrail_server.schema.ready_event import ready_event
from ordertrail_server.schema.wire import first_field

EVENT_TYPE = {case.name: case.number for case in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields}

# position, order id, version, customer, type, record time, frame: a row of `events`.
# A plain tuple, because a NamedTuple would cost as much as the insert of a column.
EventRow = tuple[int, str, int, str | None, int, int, bytes]


def event_rows(batch: Batch) -> list[EventRow]:
    """Return the rows of `events`."""
    topic, partition, first_position = batch.topic, batch.partition, first_packed(batch.partition)
    rows = []
    for (offset, order_id, value, digest), reading, time, customer_id, _, _ in batch.facts:
        event, own = reading.event, reading.event.record_time
        # Within an order time never goes back, so the stored event has the time of the fold instead of the record's.
        override = None if time.seconds == own.seconds and time.nanos == own.nanos else time
        frame = first_field(ready_event(reading, value, topic, partition, offset, digest, override))
        kind = EVENT_TYPE[event.WhichOneof("event") or ""]
        row = (first_position | offset, order_id, event.order_version, customer_id, kind, nanoseconds(time), frame)
        rows.append(row)
    return rows


def block_times(rows: list[EventRow]) -> list[tuple[int, int, int]]:
    """Return the rows of `event_times`: the earliest and the latest record time of each block."""
    times: dict[int, list[int]] = {}
    for position, *_, time, _ in rows:
        times.setdefault(position & -BLOCK, []).append(time)
    return [(block, min(of_block), max(of_block)) for block, of_block in times.items()]


def event_product_rows(batch: Batch) -> list[tuple[str, int]]:
    """Return the rows of `event_products`, sorted: neighbouring rows are on the same pages."""
    first_position = first_packed(batch.partition)
    return sorted(
        (product_id, first_position | fact.logged.offset)
        for fact in batch.facts
        for product_id in products_named(fact.reading.event)
    )
