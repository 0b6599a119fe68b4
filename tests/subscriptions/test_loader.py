"""Reads of a subscription find each matching event once, and name the orders that cannot be read."""

from functools import partial
from pathlib import Path

import pytest
from tests.history.history_server import (
    HistoryServer,
    build_confirmed,
    build_line_added,
    build_placed,
    seal_record,
    serve_history,
)
from tests.history.skipped_orders import park, park_unknown

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_PLACED
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.log.position import LogPosition
from ordertrail_server.subscriptions.loader import Demand, Loaded, Unreadable, load
from ordertrail_server.subscriptions.reads import ReadEvent, Reload, Reloaded

ROOM = Limits(2, 1 << 20)


async def read_all(server: HistoryServer, event_filter: EventFilter) -> tuple[list[ReadEvent], list[Unreadable]]:
    cursor, events, unreadable = (0,) * server.log.partitions, list[ReadEvent](), list[Unreadable]()
    has_more = True
    while has_more:
        loaded = await read(server, event_filter, Demand(cursor, ROOM, ()))
        cursor, has_more = loaded.reached, loaded.has_more
        events += loaded.events
        unreadable += loaded.unreadable
    return events, unreadable


async def read(server: HistoryServer, event_filter: EventFilter, demand: Demand) -> Loaded:
    return await server.model.read(partial(load, server.model, event_filter, demand))


async def reload(server: HistoryServer, position: int, order_id: str, event_filter: EventFilter) -> Reloaded:
    cursor = tuple(map(len, server.log.records))
    [reloaded] = (await read(server, event_filter, Demand(cursor, None, [Reload(order_id, position)]))).reloaded
    return reloaded


def fill(server: HistoryServer, count: int) -> None:
    for number in range(count):
        server.record(f"o-{number % 3}", build_line_added(f"q{number}") if number >= 3 else build_placed("p"))


@pytest.mark.parametrize("partitions", [1, 3])
async def test_reads_find_each_event_once_and_pass_its_bytes_through(tmp_path: Path, partitions: int) -> None:
    async with serve_history(tmp_path, partitions) as server:
        fill(server, 9)
        await server.project()
        events, unreadable = await read_all(server, EventFilter(EVERYTHING))
        assert sorted(event.position for event in events) == sorted(fact.position for fact in server.facts)
        for position, order_id, frame in events:
            event = HistoryEvent.FromString(frame[2 if frame[1] < 128 else 3 :])
            assert event.order_id == order_id
            assert LogPosition(event.position.partition, event.position.offset).pack() == position
        assert unreadable == []


async def test_reads_find_only_events_that_match(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        fill(server, 9)
        await server.project()
        events, _ = await read_all(server, EventFilter(EVERYTHING, types=(ORDER_EVENT_TYPE_ORDER_PLACED,)))
        assert [event.position for event in events] == [0, 1, 2]


async def test_order_is_read_again_from_a_position_up_to_the_cursor(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        fill(server, 9)
        await server.project()
        reloaded = await reload(server, 3, "o-0", EventFilter(EVERYTHING))
        assert [event.position for event in reloaded.events] == [3, 6]
        assert (reloaded.remainder, reloaded.unreadable) == (None, "")
        assert (await reload(server, 7, "o-0", EventFilter(EVERYTHING))).events == []


async def test_long_order_is_read_again_in_parts(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("long", build_placed("p"))
        for number in range(150):
            server.record("long", build_line_added(f"q{number}"))
        await server.project()
        first = await reload(server, 0, "long", EventFilter(EVERYTHING))
        assert first.remainder is not None
        second = await reload(server, first.remainder, "long", EventFilter(EVERYTHING))
        assert [event.position for event in (*first.events, *second.events)] == list(range(151))
        assert second.remainder is None


async def test_unreadable_orders_are_named_with_their_first_unreadable_fact(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        park(server, "parked")  # 0, 1
        server.record("parked", build_confirmed())  # 2
        park_unknown(server, "unknown")  # 3
        await server.project()
        events, unreadable = await read_all(server, EventFilter(EVERYTHING))
        assert [(event.order_id, event.position) for event in events] == [("parked", 0)]
        assert {(order_id, position) for order_id, position, _ in unreadable} == {("parked", 1), ("unknown", 3)}
        reloaded = await reload(server, 0, "parked", EventFilter(EVERYTHING))
        assert [event.position for event in reloaded.events] == [0]
        assert reloaded.remainder == 1
        assert reloaded.unreadable != ""


async def test_broken_order_without_later_facts_has_nothing_unreadable(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("broken", build_placed("p"))
        server.land("broken", seal_record("broken", 9, b"no such fact's digest"[:16], b""))
        await server.project()
        assert (await reload(server, 0, "broken", EventFilter(EVERYTHING))).remainder is None
