"""Answers over many orders skip the waiting facts of parked orders, and name these orders."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.history.history_server import (
    NOON,
    SECOND,
    build_confirmed,
    build_line_added,
    build_line_removed,
    build_placed,
    list_event_names,
    list_frame_names,
    seal_record,
    serve_history,
)
from tests.history.skipped_orders import list_pages, park, park_unknown, parked_ids, stream_frames
from tests.history.streaming.tail import open_tail

from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_PLACED, OrderPlaced, OrderSource
from ordertrail.v1.order_history_service_pb2 import EVENT_ORDER_POSITION_DESCENDING
from ordertrail_server.history import events
from ordertrail_server.log.token import read_token

FRAME_BYTES = 256 * 1024


@pytest.mark.parametrize("partitions", [1, 3])
async def test_stream_of_all_orders_names_each_parked_order_whose_facts_it_skips(
    tmp_path: Path, partitions: int
) -> None:
    async with serve_history(tmp_path, partitions) as server:
        park(server, "parked")
        server.record("parked", build_confirmed())
        park_unknown(server, "unknown")
        server.record("fine", build_placed("p"))
        await server.project()
        frames = await stream_frames(server)
        assert sorted(parked_ids(frames)) == ["parked", "unknown"]
        assert sorted(list_frame_names(frames)) == [("fine", 1), ("parked", 1)]
        later_frames = await stream_frames(server, resume_token=frames[-1].resume_token)
        assert parked_ids(later_frames) == []


async def test_parked_order_without_waiting_facts_is_not_named(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("broken", build_placed("p"))
        server.land("broken", seal_record("broken", 9, b"no such fact's digest"[:16], b""))
        await server.project()
        assert parked_ids(await stream_frames(server)) == []


async def test_frame_names_only_orders_with_skipped_facts_before_its_token(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(3):
            park(server, f"o-{number}")
        await server.project()
        frames = await stream_frames(server, max_events_per_frame=1)
        contents = [(list_event_names(frame.events), list(frame.parked_order_ids)) for frame in frames]
        assert contents == [([("o-0", 1)], []), ([("o-1", 1)], ["o-0"]), ([("o-2", 1)], ["o-1", "o-2"])]
        offsets = [read_token(frame.resume_token, server.log.identity)[0] for frame in frames]
        assert offsets == [1, 3, 6]


async def test_stream_of_a_customer_names_parked_orders_of_it_and_of_unknown_customers(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        park(server, "own", customer="c")
        park(server, "foreign", customer="d")
        park(server, "nobody's", customer="")
        park_unknown(server, "unknown")
        await server.project()
        assert parked_ids(await stream_frames(server, customer_id="c")) == ["own", "unknown"]
        assert parked_ids(await stream_frames(server, customer_id="c", product_id="p")) == ["own", "unknown"]
        [page] = await list_pages(server, customer_id="c")
        assert (list_event_names(page.events), list(page.parked_order_ids)) == ([("own", 1)], ["own", "unknown"])


@pytest.mark.parametrize(
    "conditions",
    [
        {"product_id": "never named"},
        {"event_types": [ORDER_EVENT_TYPE_ORDER_PLACED]},
        {"recorded_from": Timestamp(seconds=NOON // SECOND + 1_000)},
        {"recorded_before": Timestamp(seconds=1)},
    ],
)
async def test_parked_order_is_named_whatever_the_other_conditions(tmp_path: Path, conditions: dict[str, Any]) -> None:
    async with serve_history(tmp_path) as server:
        server.record("fine", build_placed("p"))
        park(server, "parked")
        server.record("fine", build_line_added("q"))
        await server.project()
        frames = await stream_frames(server, **conditions)
        assert parked_ids(frames) == ["parked"]
        assert frames[-1].caught_up


async def test_following_stream_names_a_newly_parked_order_in_a_frame_without_events(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=3600.0) as server:
        server.record("o", build_placed("p"))
        await server.project()
        async with open_tail(server) as tail:
            assert (await tail.next()).caught_up
            server.record("o", build_line_removed("never ordered"))
            await server.project()
            frame = await tail.next()
            assert (len(frame.events), list(frame.parked_order_ids), frame.WhichOneof("standing")) == (0, ["o"], None)
            assert read_token(frame.resume_token, server.log.identity) == {0: 2}
            server.record("other", build_placed("p"))
            await server.project()
            assert (await tail.next()).parked_order_ids == []


async def test_stream_of_a_customer_names_a_newly_parked_order_with_its_next_frame(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=3600.0) as server:
        server.record("o", build_placed("p", customer="c"))
        await server.project()
        async with open_tail(server, customer_id="c") as tail:
            assert (await tail.next()).caught_up
            server.record("o", build_line_removed("never ordered"))
            server.record("other", build_placed("p", customer="c"))
            await server.project()
            frame = await tail.next()
            assert (list_event_names(frame.events), list(frame.parked_order_ids)) == ([("other", 1)], ["o"])


async def test_page_names_only_orders_that_it_skips_newest_first_too(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(3):
            park(server, f"o-{number}")
        await server.project()
        pages = await list_pages(server, customer_id="c", page_size=1, order_by=EVENT_ORDER_POSITION_DESCENDING)
        contents = [(list_event_names(page.events), list(page.parked_order_ids)) for page in pages]
        assert contents == [([("o-2", 1)], ["o-2"]), ([("o-1", 1)], ["o-1"]), ([("o-0", 1)], ["o-0"])]


@pytest.mark.usefixtures("unlimited_scan_time")
async def test_names_of_many_parked_orders_fit_into_frames_within_their_limits(tmp_path: Path) -> None:
    ids = [f"{number:04}-" + "ü" * 123 for number in range(2_500)]
    async with serve_history(tmp_path) as server:
        for order_id in ids:
            park_unknown(server, order_id)
        server.record("last", build_placed("p", customer="c"))
        await server.project()
        for conditions in ({}, {"customer_id": "c"}):
            frames = await stream_frames(server, **conditions)
            assert parked_ids(frames) == ids
            assert list_frame_names(frames) == [("last", 1)]
            assert all(frame.ByteSize() <= FRAME_BYTES for frame in frames)
            assert len(frames) == 3
            assert [frame.WhichOneof("standing") for frame in frames] == [None, None, "caught_up"]


def build_huge_order(customer: str) -> OrderPlaced:
    order = build_placed("p", customer=customer)
    order.source.CopyFrom(OrderSource(other_json="x" * 40_000))
    return order


@pytest.mark.usefixtures("unlimited_scan_time")
async def test_frame_of_large_events_and_many_names_is_within_its_limit(tmp_path: Path) -> None:
    parked = [f"parked-{number:03}-" + "ü" * 112 for number in range(1_000)]
    async with serve_history(tmp_path) as server:
        for number, order_id in enumerate(parked):
            park_unknown(server, order_id)
            if number % 50 == 0:
                server.record(f"o-{number}", build_huge_order("c"))
        await server.project()
        frames = await stream_frames(server)
        assert (parked_ids(frames), list_frame_names(frames)) == (parked, server.names())
        assert all(frame.ByteSize() <= FRAME_BYTES for frame in frames)
        assert all(frame.ByteSize() >= FRAME_BYTES / 2 for frame in frames[:-1])


async def test_names_that_exceed_a_page_are_on_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAGE_BYTES", 1_000)
    parked = [f"parked-{number:03}-" + "ü" * 112 for number in range(20)]
    async with serve_history(tmp_path) as server:
        for order_id in parked:
            park_unknown(server, order_id)
        server.record("last", build_placed("p", customer="c"))
        await server.project()
        pages = await list_pages(server, customer_id="c")
        assert [order_id for page in pages for order_id in page.parked_order_ids] == parked
        assert [len(page.parked_order_ids) for page in pages] == [4, 4, 4, 4, 4, 0]
        assert [name for page in pages for name in list_event_names(page.events)] == [("last", 1)]


async def test_streams_that_share_a_scan_all_name_the_parked_order(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=3600.0) as server:
        server.record("o", build_placed("p"))
        await server.project()
        async with open_tail(server) as first_tail, open_tail(server) as second_tail:
            await asyncio.gather(first_tail.next(), second_tail.next())
            server.record("o", build_line_removed("never ordered"))
            await server.project()
            contents = await asyncio.gather(first_tail.next(), second_tail.next())
            assert [list(frame.parked_order_ids) for frame in contents] == [["o"], ["o"]]
