"""Answers over many orders skip the waiting facts of parked orders, and name these orders."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    added,
    confirmed,
    names_in,
    names_of,
    placed,
    removed,
    sealed,
    serve_history,
)
from tests.history.streaming.tail import open_tail
from tests.projections.story import FUTURE

from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_PLACED, OrderPlaced, OrderSource
from ordertrail.v1.order_history_service_pb2 import (
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.history import events, skipped_orders
from ordertrail_server.history.streaming import scan
from ordertrail_server.log.token import read_token

FRAME_BYTES = 256 * 1024


def park(server: HistoryServer, order_id: str, customer: str = "c") -> None:
    """Record an order, and a fact that cannot be folded."""
    server.record(order_id, placed("p", customer=customer))
    server.record(order_id, removed("never ordered"))


def park_unknown(server: HistoryServer, order_id: str) -> None:
    """Record an order that begins with an event of a newer release, so that its customer is unknown."""
    server.land(order_id, sealed(order_id, 1, b"", FUTURE))


def parked_ids(frames: list[StreamOrderEventsResponse]) -> list[str]:
    return [order_id for frame in frames for order_id in frame.parked_order_ids]


async def stream_frames(server: HistoryServer, **conditions: Any) -> list[StreamOrderEventsResponse]:
    return await server.stream(StreamOrderEventsRequest(**conditions))


async def list_pages(server: HistoryServer, **conditions: Any) -> list[ListOrderEventsResponse]:
    request, pages = ListOrderEventsRequest(**conditions), list[ListOrderEventsResponse]()
    while not pages or request.page_token:
        pages.append(ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, None)))
        request.page_token = pages[-1].next_page_token
    return pages


@pytest.mark.parametrize("partitions", [1, 3])
async def test_stream_of_all_orders_names_each_parked_order_whose_facts_it_skips(
    tmp_path: Path, partitions: int
) -> None:
    async with serve_history(tmp_path, partitions) as server:
        park(server, "parked")
        server.record("parked", confirmed())
        park_unknown(server, "unknown")
        server.record("fine", placed("p"))
        await server.project()
        frames = await stream_frames(server)
        assert sorted(parked_ids(frames)) == ["parked", "unknown"]
        assert sorted(names_in(frames)) == [("fine", 1), ("parked", 1)]
        later_frames = await stream_frames(server, resume_token=frames[-1].resume_token)
        assert parked_ids(later_frames) == []


async def test_parked_order_without_waiting_facts_is_not_named(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("broken", placed("p"))
        server.land("broken", sealed("broken", 9, b"no such fact's digest"[:16], b""))
        await server.project()
        assert parked_ids(await stream_frames(server)) == []


async def test_frame_names_only_orders_with_skipped_facts_before_its_token(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(3):
            park(server, f"o-{number}")
        await server.project()
        frames = await stream_frames(server, max_events_per_frame=1)
        contents = [(names_of(frame.events), list(frame.parked_order_ids)) for frame in frames]
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
        assert (names_of(page.events), list(page.parked_order_ids)) == ([("own", 1)], ["own", "unknown"])


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
        server.record("fine", placed("p"))
        park(server, "parked")
        server.record("fine", added("q"))
        await server.project()
        frames = await stream_frames(server, **conditions)
        assert parked_ids(frames) == ["parked"]
        assert frames[-1].caught_up


async def test_following_stream_names_a_newly_parked_order_in_a_frame_without_events(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=3600.0) as server:
        server.record("o", placed("p"))
        await server.project()
        async with open_tail(server) as tail:
            assert (await tail.next()).caught_up
            server.record("o", removed("never ordered"))
            await server.project()
            frame = await tail.next()
            assert (len(frame.events), list(frame.parked_order_ids), frame.WhichOneof("standing")) == (0, ["o"], None)
            assert read_token(frame.resume_token, server.log.identity) == {0: 2}
            server.record("other", placed("p"))
            await server.project()
            assert (await tail.next()).parked_order_ids == []


async def test_stream_of_a_customer_names_a_newly_parked_order_with_its_next_frame(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=3600.0) as server:
        server.record("o", placed("p", customer="c"))
        await server.project()
        async with open_tail(server, customer_id="c") as tail:
            assert (await tail.next()).caught_up
            server.record("o", removed("never ordered"))
            server.record("other", placed("p", customer="c"))
            await server.project()
            frame = await tail.next()
            assert (names_of(frame.events), list(frame.parked_order_ids)) == ([("other", 1)], ["o"])


@pytest.mark.usefixtures("unlimited_scan_time")
async def test_names_of_many_parked_orders_fit_into_frames_within_their_limits(tmp_path: Path) -> None:
    ids = [f"{number:04}-" + "ü" * 123 for number in range(2_500)]
    async with serve_history(tmp_path) as server:
        for order_id in ids:
            park_unknown(server, order_id)
        server.record("last", placed("p", customer="c"))
        await server.project()
        for conditions in ({}, {"customer_id": "c"}):
            frames = await stream_frames(server, **conditions)
            assert parked_ids(frames) == ids
            assert names_in(frames) == [("last", 1)]
            assert all(frame.ByteSize() <= FRAME_BYTES for frame in frames)
            assert len(frames) == 3
            assert [frame.WhichOneof("standing") for frame in frames] == [None, None, "caught_up"]


def huge(customer: str) -> OrderPlaced:
    order = placed("p", customer=customer)
    order.source.CopyFrom(OrderSource(other_json="x" * 40_000))
    return order


@pytest.mark.usefixtures("unlimited_scan_time")
async def test_frame_of_large_events_and_many_names_is_within_its_limit(tmp_path: Path) -> None:
    parked = [f"parked-{number:03}-" + "ü" * 112 for number in range(1_000)]
    async with serve_history(tmp_path) as server:
        for number, order_id in enumerate(parked):
            park_unknown(server, order_id)
            if number % 50 == 0:
                server.record(f"o-{number}", huge("c"))
        await server.project()
        frames = await stream_frames(server)
        assert (parked_ids(frames), names_in(frames)) == (parked, server.names())
        assert all(frame.ByteSize() <= FRAME_BYTES for frame in frames)
        assert all(frame.ByteSize() >= FRAME_BYTES / 2 for frame in frames[:-1])


async def test_names_that_exceed_a_page_are_on_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAGE_BYTES", 1_000)
    parked = [f"parked-{number:03}-" + "ü" * 112 for number in range(20)]
    async with serve_history(tmp_path) as server:
        for order_id in parked:
            park_unknown(server, order_id)
        server.record("last", placed("p", customer="c"))
        await server.project()
        pages = await list_pages(server, customer_id="c")
        assert [order_id for page in pages for order_id in page.parked_order_ids] == parked
        assert [len(page.parked_order_ids) for page in pages] == [4, 4, 4, 4, 4, 0]
        assert [name for page in pages for name in names_of(page.events)] == [("last", 1)]


Step = tuple[int, bool, bool]
histories = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), max_size=60)
"""For each record: the order's number, whether it parks the order, whether the order begins with an unknown event."""


def record_history(server: HistoryServer, history: list[Step]) -> None:
    unknown = set[str]()
    for number, parks, begins_unknown in history:
        order_id = f"o-{number}"
        if order_id in unknown:
            continue
        if server.aggregate(order_id).version == 0 and begins_unknown:
            park_unknown(server, order_id)
            unknown.add(order_id)
        elif server.aggregate(order_id).version == 0:
            server.record(order_id, placed("p", customer=f"c{number % 2}"))
        else:
            server.record(order_id, removed("never ordered") if parks else added(f"q{len(server.facts)}"))


def waiting_facts(server: HistoryServer, customer: str) -> Iterator[tuple[int, int, str]]:
    """Yield (partition, offset, order) of every waiting fact that may be the customer's, by a plain model."""
    folded_positions = {fact.position for fact in server.facts}
    for partition, records in enumerate(server.log.records):
        for record in records:
            order = server.aggregate(record.key).order
            if partition << 48 | record.offset not in folded_positions and customer in (
                "",
                order.customer_id if order else customer,
            ):
                yield partition, record.offset, record.key


@pytest.mark.parametrize(("at_once", "window"), [(2, 3), (100, 50_000)])
@settings(max_examples=40)
@given(
    history=histories,
    partitions=st.sampled_from([1, 3]),
    customer=st.sampled_from(["", "c0"]),
    max_events=st.integers(1, 5),
    types=st.sampled_from([[], [20]]),
)
async def test_every_skipped_order_is_named_between_two_tokens(
    at_once: int, window: int, history: list[Step], partitions: int, customer: str, max_events: int, types: list[int]
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(skipped_orders, "AT_ONCE", at_once)
        patch.setattr(scan, "WINDOW", window)
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            request: dict[str, Any] = {
                "customer_id": customer,
                "max_events_per_frame": max_events,
                "event_types": types,
            }
            offsets = dict.fromkeys(range(partitions), 0)
            facts = list(waiting_facts(server, customer))
            frames = await stream_frames(server, **request)
            for frame in frames:
                now = offsets | read_token(frame.resume_token, server.log.identity)
                assert set(frame.parked_order_ids) == {o for p, at, o in facts if offsets[p] <= at < now[p]}
                offsets = now
            assert sorted(names_in(frames)) == sorted(
                server.names(lambda fact: customer in ("", fact.customer) and (not types or fact.type in types))
            )
            pages = await list_pages(server, customer_id=customer or "c1", page_size=max_events)
            of_customer = {order_id for _, _, order_id in waiting_facts(server, customer or "c1")}
            assert {order_id for page in pages for order_id in page.parked_order_ids} == of_customer
            names = [name for page in pages for name in names_of(page.events)]
            assert names == server.names(lambda fact: fact.customer == (customer or "c1"))


async def test_streams_that_share_a_scan_all_name_the_parked_order(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=3600.0) as server:
        server.record("o", placed("p"))
        await server.project()
        async with open_tail(server) as first_tail, open_tail(server) as second_tail:
            await asyncio.gather(first_tail.next(), second_tail.next())
            server.record("o", removed("never ordered"))
            await server.project()
            contents = await asyncio.gather(first_tail.next(), second_tail.next())
            assert [list(frame.parked_order_ids) for frame in contents] == [["o"], ["o"]]
