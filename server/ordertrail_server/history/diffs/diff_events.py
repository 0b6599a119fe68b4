"""The events of an order between two versions, as stored frames, in pieces of limited size."""

from typing import NamedTuple

from ordertrail_server.history.blob_join import join_blobs_sql
from ordertrail_server.history.read_model import Connection
from ordertrail_server.storage.packed_id import pack_sql

FRAME_BYTES = 256 * 1024
"""The size at which a frame is sent, and the most bytes of events that one piece has, unless one event is larger."""

MAX_EVENTS = 1_000
"""The most events that one query visits."""

_EVENTS = f"""SELECT max(version), {join_blobs_sql("frame")} FROM (
SELECT e.version, e.frame, sum(length(e.frame)) OVER (ORDER BY e.version) AS size FROM events e
WHERE e.order_key = {pack_sql(":order_id")} AND e.version >= :first AND e.version <= :last
ORDER BY e.version LIMIT {MAX_EVENTS}) WHERE size <= :room OR version = :first"""

VersionRange = tuple[str, int, int]
"""An order, and the first and the last of its versions that are meant."""


class DiffEvents(NamedTuple):
    """Joined events, and the version of the last one."""

    frames: bytes
    last: int


def read_events(versions: VersionRange, connection: Connection, room: int = FRAME_BYTES) -> DiffEvents:
    """Return the first events of a range: as many as fit into `room` bytes, one at least."""
    order_id, first, last = versions
    values = {"order_id": order_id, "first": first, "last": last, "room": room}
    reached, frames = connection.execute(_EVENTS, values).fetchone()
    return DiffEvents(frames, reached)


def read_first_events(ranges: list[VersionRange], connection: Connection) -> list[DiffEvents]:
    """Return the first events of each range. After FRAME_BYTES in all, of each further range one event."""
    pieces: list[DiffEvents] = []
    room = FRAME_BYTES
    for versions in ranges:
        pieces.append(read_events(versions, connection, room))
        room = max(0, room - len(pieces[-1].frames))
    return pieces
