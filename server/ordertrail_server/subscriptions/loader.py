"""Reads the events of a subscription from the projection `history`, in one short step of a reading thread."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.streaming.scan import ScanConditions, read_scan
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.schema.wire import read_varint
from ordertrail_server.subscriptions.order_queue import LoadedEvent
from ordertrail_server.subscriptions.reads import ReadEvent, Reload, Reloaded

EVENTS_OF_ORDER = 100
BYTES_OF_ORDER = 64 * 1024
_FIRST_WAITING = "SELECT position, reason FROM ordertrail_waiting WHERE order_id = ? ORDER BY position LIMIT 1"


class Unreadable(NamedTuple):
    """An order whose facts the projection cannot read from a position on, and the reason."""

    order_id: str
    position: int
    reason: str


class Loaded(NamedTuple):
    """What a step has read: from the cursor on up to the offsets `reached`, and of orders that are read again."""

    events: Sequence[ReadEvent]
    reached: tuple[int, ...]
    has_more: bool
    unreadable: Sequence[Unreadable]
    reloaded: Sequence[Reloaded]


class Demand(NamedTuple):
    """What a step is to read. `room` is the limit of events from the cursor on, None if none are wanted."""

    cursor: tuple[int, ...]
    room: Limits | None
    reloads: Sequence[Reload]


def load(model: ReadModel, event_filter: EventFilter, demand: Demand, connection: Connection) -> Loaded:
    """Read the events."""
    reloaded = [_reload(model, event_filter, request, demand.cursor, connection) for request in demand.reloads]
    if demand.room is None:
        return Loaded((), demand.cursor, False, (), reloaded)
    scan = read_scan(model, ScanConditions(event_filter, demand.room, None), demand.cursor, connection)
    unreadable = [_find_unreadable(order_id, connection) for order_id in scan.skipped_orders]
    is_unread = scan.has_more or not scan.at_end
    return Loaded(list(_split(scan.events)), scan.reached, is_unread, list(filter(None, unreadable)), reloaded)


def _reload(
    model: ReadModel, event_filter: EventFilter, request: Reload, cursor: tuple[int, ...], connection: Connection
) -> Reloaded:
    """Read the first events of an order from a position on, before the cursor."""
    partition, offset = LogPosition.unpack(request.position)
    begin = tuple(offset if at == partition else end for at, end in enumerate(cursor))
    limits = Limits(EVENTS_OF_ORDER, BYTES_OF_ORDER)
    scan = read_scan(
        model, ScanConditions(replace(event_filter, order_id=request.order_id), limits, cursor), begin, connection
    )
    events = [LoadedEvent(position, frame) for position, _, frame in _split(scan.events)]
    if scan.has_more:
        return Reloaded(request, events, LogPosition(partition, scan.reached[partition]).pack())
    unreadable = _find_unreadable(request.order_id, connection)
    if unreadable is not None and unreadable.position < LogPosition(partition, cursor[partition]).pack():
        return Reloaded(request, events, unreadable.position, unreadable.reason)
    return Reloaded(request, events, None)


def _find_unreadable(order_id: str, connection: Connection) -> Unreadable | None:
    row = connection.execute(_FIRST_WAITING, (order_id,)).fetchone()
    return Unreadable(order_id, *row) if row else None


def _split(frames: bytes) -> Iterator[ReadEvent]:
    """Yield each of the joined frames, with what it must be routed by."""
    begin = 0
    while begin < len(frames):
        length, content = read_varint(frames, begin + 1)
        end = content + length
        event = HistoryEvent.FromString(frames[content:end])
        position = LogPosition(event.position.partition, event.position.offset).pack()
        yield ReadEvent(position, event.order_id, frames[begin:end])
        begin = end


def oldest_record_time(frames: bytes) -> int | None:
    """Return the record time of the first of the joined frames, in nanoseconds since 1970; None if there is none."""
    if not frames:
        return None
    length, content = read_varint(frames, 1)
    return nanoseconds(HistoryEvent.FromString(frames[content : content + length]).record_time)
