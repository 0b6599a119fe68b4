from contextlib import aclosing
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
    RecordedFact,
    build_confirmed,
    build_placed,
    list_frame_names,
    seal_record,
    serve_history,
)
from tests.history.random_history import CUSTOMERS, ORDERS, PRODUCTS, Step, record_history, steps

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import OrderCancelled, OrderEventType, OrderSource
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.streaming import scan, stream, stream_hub
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.token import read_token, write_token
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.history import history_rows

NOON_S = NOON // SECOND
moments = st.integers(NOON_S - 1, NOON_S + 21).map(lambda seconds: Timestamp(seconds=seconds))
starts: st.SearchStrategy[dict[str, Any]] = st.one_of(st.just({}), st.just({"now": False}))
filters = st.builds(
    lambda begin, **conditions: StreamOrderEventsRequest(**begin, **conditions),
    begin=starts,
    order_id=st.sampled_from(["", "", *(f"order-{n}" for n in range(ORDERS))]),
    customer_id=st.sampled_from(CUSTOMERS),
    product_id=st.sampled_from(["", *PRODUCTS]),
    event_types=st.lists(st.sampled_from([0, 20, 21, 22, 23, 25]), max_size=3),
    recorded_from=st.none() | moments,
    recorded_before=st.none() | moments,
    max_events_per_frame=st.integers(0, 5),
)


def matches(fact: RecordedFact, request: StreamOrderEventsRequest) -> bool:
    return (
        request.order_id in ("", fact.order.order_id)
        and request.customer_id in ("", fact.customer)
        and (not request.product_id or request.product_id in fact.products)
        and (not request.event_types or fact.type in request.event_types)
        and (not request.HasField("recorded_before") or fact.time < request.recorded_before.seconds * SECOND)
        and (not request.HasField("recorded_from") or fact.time >= request.recorded_from.seconds * SECOND)
    )


def query_end(server: HistoryServer) -> dict[int, int]:
    return {p: len(records) for p, records in enumerate(server.log.records) if records}


@pytest.mark.parametrize(("window", "block"), [(3, 2), (50_000, 256)])
@settings(max_examples=40)
@given(history=steps, request=filters, partitions=st.sampled_from([1, 3]))
async def test_replay_of_any_filter_sends_every_matching_event_then_caught_up(
    window: int, block: int, history: list[Step], request: StreamOrderEventsRequest, partitions: int
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "WINDOW", window)
        patch.setattr(history_rows, "BLOCK", block)
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            frames = await server.stream(request)
            assert sort_in_log_order(frames) == server.names(lambda fact: matches(fact, request))
            assert [frame.WhichOneof("standing") for frame in frames] == [None] * (len(frames) - 1) + ["caught_up"]
            assert all(len(frame.events) <= (request.max_events_per_frame or 1_000) for frame in frames)
            assert read_token(frames[-1].resume_token, server.log.identity) == query_end(server)


def sort_in_log_order(frames: list[StreamOrderEventsResponse]) -> list[tuple[str, int]]:
    """Return the names in log order; assert that each partition's events are sent in order."""
    events = [event for frame in frames for event in frame.events]
    assert all(
        earlier.position.offset < later.position.offset
        for number, later in enumerate(events)
        for earlier in events[:number]
        if earlier.position.partition == later.position.partition
    )
    ordered = sorted(events, key=lambda event: (event.position.partition, event.position.offset))
    return [(event.order_id, event.order_version) for event in ordered]


@settings(max_examples=30)
@given(history=steps, request=filters, partitions=st.sampled_from([1, 3]))
async def test_stream_resumes_after_any_frame_without_gap_or_repetition(
    history: list[Step], request: StreamOrderEventsRequest, partitions: int
) -> None:
    with TemporaryDirectory() as directory:
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            frames = await server.stream(request)
            for number, frame in enumerate(frames, start=1):
                resumed_request = StreamOrderEventsRequest()
                resumed_request.CopyFrom(request)
                resumed_request.resume_token = frame.resume_token
                later_frames = await server.stream(resumed_request)
                assert sorted(list_frame_names([*frames[:number], *later_frames])) == sorted(list_frame_names(frames))


async def test_empty_request_streams_all_events_and_ends(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(2_500):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()
        frames = await server.stream(StreamOrderEventsRequest())
        assert list_frame_names(frames) == server.names()
        assert all(len(frame.events) <= 1_000 for frame in frames)


@pytest.mark.parametrize(("partitions", "size", "min_events"), [(1, 50_000, 5), (3, 50_000, 5), (3, 150_000, 1)])
@pytest.mark.usefixtures("unlimited_scan_time")
async def test_frame_has_at_most_256_kib(tmp_path: Path, partitions: int, size: int, min_events: int) -> None:
    async with serve_history(tmp_path, partitions) as server:
        for number in range(30):
            large_order = build_placed("p")
            large_order.source.CopyFrom(OrderSource(other_json="x" * size))
            server.record(f"o-{number}", large_order)
        await server.project()
        frames = await server.stream(StreamOrderEventsRequest())
        assert sort_in_log_order(frames) == server.names()
        assert all(frame.ByteSize() <= 256 * 1024 for frame in frames)
        assert all(len(frame.events) >= min_events for frame in frames[:-1])


async def test_event_larger_than_a_frame_is_sent_alone(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.record("o", OrderCancelled(reason="x" * 300_000))
        server.record("other", build_placed("p"))
        await server.project()
        frames = await server.stream(StreamOrderEventsRequest())
        assert [len(frame.events) for frame in frames] == [1, 1, 1]


async def test_stream_from_a_time_finds_every_later_event_in_unordered_times(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number, second in enumerate([1, 5, 3, 0, 9]):
            server.record(f"o-{number}", build_placed("p"), NOON + second * SECOND)
        await server.project()
        frames = await server.stream(StreamOrderEventsRequest(recorded_from=Timestamp(seconds=NOON_S + 2)))
        assert list_frame_names(frames) == [("o-1", 1), ("o-2", 1), ("o-4", 1)]


async def test_partition_with_many_events_does_not_delay_the_others(tmp_path: Path) -> None:
    async with serve_history(tmp_path, 2) as server:
        orders: dict[int, list[str]] = {0: [], 1: []}
        for number in range(60):
            orders[partition_of(f"o-{number}", 2)].append(f"o-{number}")
        for busy in orders:
            quiet = orders[1 - busy].pop()
            server.record(quiet, build_placed("p"))
            await server.project()
            [*_, end] = await server.stream(StreamOrderEventsRequest())
            for order_id in [orders[busy].pop() for _ in range(10)]:
                server.record(order_id, build_placed("p"))
            server.record(quiet, build_confirmed())
            await server.project()
            request = StreamOrderEventsRequest(resume_token=end.resume_token, max_events_per_frame=2)
            assert (quiet, 2) in list_frame_names((await server.stream(request))[:1])


async def test_replay_ends_at_the_offsets_projected_when_it_began(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(6):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()
        names = server.names()
        stream = server.service.StreamOrderEvents(StreamOrderEventsRequest(max_events_per_frame=4), EVERYTHING, None)
        frames = [StreamOrderEventsResponse.FromString(await anext(stream))]
        server.record("later", build_placed("p"))
        await server.project()
        frames += [StreamOrderEventsResponse.FromString(frame) async for frame in stream]
        assert list_frame_names(frames) == names
        assert frames[-1].caught_up


async def test_replay_includes_the_events_of_its_freshness_tokens(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        token = server.record("o", build_placed("p"))
        with pytest.raises(Refused) as error:
            await anext(
                server.service.StreamOrderEvents(StreamOrderEventsRequest(at_least_as_fresh=[token]), EVERYTHING, 0.01)
            )
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
        await server.project()
        assert (
            list_frame_names(await server.stream(StreamOrderEventsRequest(at_least_as_fresh=[token]))) == server.names()
        )


async def test_stream_from_now_without_follow_sends_only_a_resume_token(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        [frame] = await server.stream(StreamOrderEventsRequest(now=True))
        assert (len(frame.events), frame.caught_up) == (0, True)
        server.record("o", build_confirmed())
        await server.project()
        later = await server.stream(StreamOrderEventsRequest(resume_token=frame.resume_token))
        assert list_frame_names(later) == [("o", 2)]


@pytest.mark.parametrize("follow", [False, True])
async def test_stream_from_now_begins_at_the_end_of_the_log_if_the_read_model_lags(
    tmp_path: Path, follow: bool
) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        server.record("o", build_confirmed())
        request = StreamOrderEventsRequest(now=True, follow=follow)
        async with aclosing(server.service.StreamOrderEvents(request, EVERYTHING, None)) as frames:
            frame = StreamOrderEventsResponse.FromString(await anext(frames))
        assert (len(frame.events), read_token(frame.resume_token, server.log.identity)) == (0, {0: 2})


async def test_resume_token_beyond_the_end_of_the_log_is_refused(tmp_path: Path) -> None:
    async with serve_history(tmp_path, 3) as server:
        server.record("o", build_placed("p"))
        await server.project()
        for partition in range(3):
            offsets = {p: len(records) + (p == partition) for p, records in enumerate(server.log.records)}
            request = StreamOrderEventsRequest(resume_token=write_token(server.log.identity, offsets))
            with pytest.raises(Refused) as error:
                await server.stream(request)
            refusal = error.value.refusal
            assert (refusal.reason, refusal.where) == (ErrorReason.ERROR_REASON_INVALID_TOKEN, "resume_token")
            assert refusal.message == "resume_token is ahead of the log, which lacks facts that the token includes."


async def test_resume_token_ahead_of_the_read_model_stays_as_it_is(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        ahead = server.record("o", build_confirmed())
        [frame] = await server.stream(StreamOrderEventsRequest(resume_token=ahead))
        assert (len(frame.events), frame.resume_token) == (0, ahead)


async def test_records_that_are_no_facts_are_skipped_and_covered_by_the_token(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.land("o", b"no record")
        await server.project()
        frames = await server.stream(
            StreamOrderEventsRequest(event_types=[OrderEventType.ORDER_EVENT_TYPE_ORDER_PLACED])
        )
        assert list_frame_names(frames) == [("o", 1)]
        assert read_token(frames[-1].resume_token, server.log.identity) == {0: 2}


async def test_stream_of_a_parked_order_sends_its_facts_and_is_then_refused(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.land("o", seal_record("o", 5, b"no such fact's digest"[:16], b""))
        server.record("other", build_placed("p"))
        await server.project()
        stream = server.service.StreamOrderEvents(StreamOrderEventsRequest(order_id="o"), EVERYTHING, None)
        assert list_frame_names([StreamOrderEventsResponse.FromString(await anext(stream))]) == [("o", 1)]
        with pytest.raises(Refused) as error:
            await anext(stream)
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_ORDER_PARKED
        assert list_frame_names(await server.stream(StreamOrderEventsRequest())) == [("o", 1), ("other", 1)]


@pytest.mark.parametrize(("quick_s", "read_count"), [(60.0, 4), (0.0, 1)])
async def test_frames_are_read_in_advance_only_for_a_client_that_takes_them_quickly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_s: float, read_count: int
) -> None:
    read_counts: list[int] = []

    def count_scans(*arguments: Any) -> list[scan.Scan]:
        scans = scan.read_scans(*arguments)
        read_counts.append(len(scans))
        return scans

    monkeypatch.setattr(stream_hub, "read_scans", count_scans)
    monkeypatch.setattr(stream, "QUICK_S", quick_s)
    async with serve_history(tmp_path) as server:
        for number in range(12):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()
        request = StreamOrderEventsRequest(max_events_per_frame=1)
        async with aclosing(server.service.StreamOrderEvents(request, EVERYTHING, None)) as frames:
            assert [len(StreamOrderEventsResponse.FromString(frame).events) async for frame in frames] == [1] * 12
    assert max(read_counts[1:]) == read_count
