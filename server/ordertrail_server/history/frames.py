"""Joins stored events as bytes: each stored frame is one element of the answer's field 1, ready to be sent."""

from typing import NamedTuple

from ordertrail_server.history.blob_join import join_blobs_sql
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.read_model import Connection
from ordertrail_server.schema.wire import read_varint

FIRST_CHUNK, CHUNK = 16, 500
"""The rows that one step joins: the first step, and later ones, which know the size of events.

They bound the repeated work if events are large: a chunk that does not fit is read again with fewer rows.
"""

_JOIN = f"SELECT count(*), max(position), {join_blobs_sql('frame')} FROM ({{}})"


class Joined(NamedTuple):
    """Joined events, and their count.

    `next` is the position to continue from; `has_more` is true if further matching events exist there.
    """

    events: bytes
    event_count: int
    next: int
    has_more: bool


class Limits(NamedTuple):
    """The most that an answer holds, in events and in bytes.

    It holds at least `min_events` (0 or 1) events, however large they are.
    """

    max_events: int
    max_bytes: int
    min_events: int = 1


def join(connection: Connection, event_filter: EventFilter, low: int, high: int, limits: Limits) -> Joined:
    """Return the first matching events from position `low` to before `high`, within the limits."""
    max_events, max_bytes, min_events = limits
    chunks = _Chunks(connection, event_filter, high)
    parts: list[bytes] = []
    count = size = 0
    is_full = False
    while not is_full and count < max_events and (not parts or max_bytes - size > size // count):
        limit = min(max_events - count, min(CHUNK, 1 + (max_bytes - size) * count // size) if parts else FIRST_CHUNK)
        row_count, next_position, frames = chunks.read(low, limit)
        if len(frames) > max_bytes - size:
            is_full = True
            row_count, next_position, frames = chunks.read(
                low, max(_count_fitting(frames, max_bytes - size), min_events - count)
            )
        parts.append(frames)
        count, size, low = count + row_count, size + len(frames), next_position
        if not is_full and row_count < limit:
            return Joined(b"".join(parts), count, high, has_more=False)
    has_more = is_full or chunks.has_row(low)
    return Joined(b"".join(parts), count, low if has_more else high, has_more)


class _Chunks:
    def __init__(self, connection: Connection, event_filter: EventFilter, high: int) -> None:
        self._connection, self._rows = connection, event_filter.rows()
        self._values = event_filter.values() | {"high": high}

    def read(self, low: int, limit: int) -> tuple[int, int, bytes]:
        """Return the number of rows, the position after the last one, and their joined frames."""
        values = self._values | {"low": low, "limit": limit}
        count, last, frames = self._connection.execute(_JOIN.format(self._rows), values).fetchone()
        return count, last + 1 if count else low, frames

    def has_row(self, low: int) -> bool:
        """Return whether there is a row at or behind `low`."""
        values = self._values | {"low": low, "limit": 1}
        return bool(self._connection.execute(f"SELECT EXISTS ({self._rows})", values).fetchone()[0])


def _count_fitting(elements: bytes, room: int) -> int:
    """Return how many of the first elements fit into `room` bytes."""
    count = at = 0
    while at < len(elements):
        length, at = read_varint(elements, at + 1)
        at += length
        if at > room:
            break
        count += 1
    return count
