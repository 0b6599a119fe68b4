"""Offsets between which all events of an interval of time are, from the times of blocks of events.

Times need not follow the order of the log: each of several servers on a topic has a clock. So both bounds are exact for
any times, and cost a small row for each block.
"""

from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.position import OFFSET_BITS, OFFSETS, LogPosition, first_packed

_FIRST_BLOCKS = f"SELECT min(position) FROM event_times WHERE latest >= ? GROUP BY position >> {OFFSET_BITS}"
# The blocks of a partition are not adjacent: the next one may begin anywhere behind the last position of a block.
_LAST_BLOCKS = f"SELECT max(position) FROM event_times WHERE earliest < ? GROUP BY position >> {OFFSET_BITS}"
_NEXT_BLOCK = "SELECT min(position) FROM event_times WHERE position > ? AND position < ?"


def offsets_since(model: ReadModel, since: int, connection: Connection) -> Offsets:
    """Return offsets before which no event was recorded at or after `since` (nanoseconds).

    No parked order's waiting fact lies before them either, because a stream must reach it to name the order.
    """
    offsets = list(model.positions(connection))
    for (first,) in connection.execute(_FIRST_BLOCKS, (since,)):
        partition, offset = LogPosition.unpack(first)
        offsets[partition] = offset
    return tuple(min(offset, _waiting(connection, "min", p, offset)) for p, offset in enumerate(offsets))


def offsets_before(model: ReadModel, before: int, connection: Connection) -> Offsets:
    """Return offsets at and after which no event was recorded before `before` (nanoseconds), nor any fact waits."""
    ends = model.positions(connection)
    offsets = [0] * len(ends)
    for (last,) in connection.execute(_LAST_BLOCKS, (before,)):
        partition = LogPosition.unpack(last).partition
        [following] = connection.execute(_NEXT_BLOCK, (last, first_packed(partition + 1))).fetchone()
        offsets[partition] = ends[partition] if following is None else LogPosition.unpack(following).offset
    return tuple(max(offset, _waiting(connection, "max", p, offset - 1) + 1) for p, offset in enumerate(offsets))


def _waiting(connection: Connection, which: str, partition: int, default: int) -> int:
    """Return the offset of a partition's first (`min`) or last (`max`) waiting fact, or the default if none waits."""
    select = f"SELECT {which}(position) FROM ordertrail_waiting WHERE position >= ? AND position < ?"
    position: int | None = connection.execute(
        select, (first_packed(partition), first_packed(partition + 1))
    ).fetchone()[0]
    return default if position is None else position & OFFSETS - 1
