from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, strategies as st

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits, join
from ordertrail_server.history.span import Span
from ordertrail_server.projections.history.tables import create_history_tables
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.schema.wire import first_field
from ordertrail_server.storage.sqlite import sqlite3

messages = st.lists(st.binary(max_size=300) | st.sampled_from([b"", b"\0" * 5, b"\xff\xfe", b"x" * 130]), max_size=60)


def store_frames(frames: list[bytes]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_history_tables(wrap_connection(connection))
    rows = [(3 * number, "o", number, "c", 20, 0, frame) for number, frame in enumerate(frames)]
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return connection


def join_all(connection: sqlite3.Connection, span: Span, limits: Limits) -> Iterator[bytes]:
    end, has_more = span.end(), True
    while has_more:
        joined = join(connection, EventFilter(EVERYTHING), span, limits)
        assert joined.event_count <= limits.max_events
        assert len(joined.events) <= limits.max_bytes or joined.event_count == 1
        span, has_more = joined.remainder, joined.has_more
        yield joined.events
    assert span == end


@given(messages=messages, max_events=st.integers(1, 20), max_bytes=st.integers(1, 2_000), is_descending=st.booleans())
def test_join_returns_all_events_once_and_in_order_for_any_limits(
    messages: list[bytes], max_events: int, max_bytes: int, is_descending: bool
) -> None:
    frames = [first_field(message) for message in messages]
    with closing(store_frames(frames)) as connection:
        span = Span(0, 3 * len(frames), is_descending)
        parts = list(join_all(connection, span, Limits(max_events, max_bytes)))
        assert b"".join(parts) == b"".join(reversed(frames) if is_descending else frames)


@pytest.mark.parametrize("max_events", [999, 1_000, 1_001])
def test_limit_near_the_number_of_events_is_used_fully(max_events: int) -> None:
    frames = [first_field(b"x" * 20)] * 1_000
    with closing(store_frames(frames)) as connection:
        joined = join(connection, EventFilter(EVERYTHING), Span(0, 3_000), Limits(max_events, 1 << 20))
        assert (joined.event_count, joined.has_more) == (min(max_events, 1_000), max_events < 1_000)


def test_frame_is_filled_up_to_its_limit_of_bytes() -> None:
    frames = [first_field(b"x" * (number % 90)) for number in range(3_000)]
    with closing(store_frames(frames)) as connection:
        joined = join(connection, EventFilter(EVERYTHING), Span(0, 9_000), Limits(3_000, 50_000))
        assert joined.has_more
        assert len(joined.events) <= 50_000 < len(joined.events) + len(frames[joined.event_count])


def test_event_that_exceeds_the_remaining_bytes_is_left_to_the_next_frame() -> None:
    with closing(store_frames([first_field(b"x" * 100)])) as connection:
        joined = join(connection, EventFilter(EVERYTHING), Span(0, 3), Limits(10, 50, min_events=0))
        assert (joined.events, joined.remainder, joined.has_more) == (b"", Span(0, 3), True)
