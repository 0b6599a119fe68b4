"""Joins stored events as bytes: each stored frame is one element of the answer's field 1, ready to be sent."""

from typing import NamedTuple

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.event_rows import EventRows
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.span import Span
from ordertrail_server.schema.wire import read_varint

FIRST_CHUNK, CHUNK = 16, 1_000
"""The rows that one step joins: the first step, and later ones, which know the size of events.

They bound the rows that are read and then not sent, because they do not fit.
"""


class Joined(NamedTuple):
    """Joined events, their count, and the span that is left after them.

    `has_more` is true if further matching events exist there.
    """

    events: bytes
    event_count: int
    remainder: Span
    has_more: bool


class Limits(NamedTuple):
    """The most that an answer holds, in events and in bytes.

    It holds at least `min_events` (0 or 1) events, however large they are.
    """

    max_events: int
    max_bytes: int
    min_events: int = 1


def join(connection: Connection, event_filter: EventFilter, span: Span, limits: Limits) -> Joined:
    """Return the first matching events of a span, within the limits."""
    max_events, max_bytes, min_events = limits
    rows = EventRows(connection, event_filter)
    parts: list[bytes] = []
    count = size = 0
    is_full, remainder = False, span
    while not is_full and count < max_events and (not parts or max_bytes - size > size // count):
        limit = min(max_events - count, min(CHUNK, 1 + (max_bytes - size) * count // size) if parts else FIRST_CHUNK)
        row_count, next_remainder, frames = rows.read(remainder, limit)
        if len(frames) > max_bytes - size:
            is_full = True
            row_count, frames = _cut(frames, max_bytes - size, min_events - count)
            next_remainder = rows.skip(remainder, row_count)
        parts.append(frames)
        count, size, remainder = count + row_count, size + len(frames), next_remainder
        if not is_full and row_count < limit:
            return Joined(b"".join(parts), count, span.end(), has_more=False)
    has_more = is_full or rows.has_row(remainder)
    return Joined(b"".join(parts), count, remainder if has_more else span.end(), has_more)


def _cut(elements: bytes, room: int, min_count: int) -> tuple[int, bytes]:
    """Return the first elements that fit into `room` bytes, at least `min_count`, and how many they are."""
    count = end = 0
    while end < len(elements):
        length, begin = read_varint(elements, end + 1)
        if begin + length > room and count >= min_count:
            break
        count, end = count + 1, begin + length
    return count, elements[:end]
