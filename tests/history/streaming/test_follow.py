import asyncio
from pathlib import Path

import pytest
from tests.history.history_server import (
    build_confirmed,
    build_placed,
    build_quantity_changed,
    list_event_names,
    list_frame_names,
    seal_record,
    serve_history,
)
from tests.history.streaming.tail import FOR_EVER, Tail, open_tail

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import OrderEventType
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail_server.history.streaming import subjects
from ordertrail_server.log.token import read_token
from ordertrail_server.orders.refusal import Refused


@pytest.mark.parametrize("partitions", [1, 3])
async def test_live_events_follow_the_replay_without_gap_or_repetition(tmp_path: Path, partitions: int) -> None:
    async with serve_history(tmp_path, partitions, FOR_EVER) as server:
        for number in range(20):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()

        async def record_live_events() -> None:
            for number in range(60):
                server.record(f"live-{number}", build_placed("p"))
                await server.project()

        async with open_tail(server, max_events_per_frame=7) as tail:
            recording = asyncio.create_task(record_live_events())
            assert sorted(await tail.until(80)) == sorted([*server.names()])
            await recording
            assert [frame.WhichOneof("standing") for frame in tail.frames].count("caught_up") >= 1


async def test_caught_up_is_sent_once_before_live_events(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        server.record("o", build_placed("p"))
        await server.project()
        async with open_tail(server) as tail:
            first = await tail.next()
            assert (list_event_names(first.events), first.caught_up) == ([("o", 1)], True)
            server.record("o", build_confirmed())
            await server.project()
            second = await tail.next()
            assert (list_event_names(second.events), second.WhichOneof("standing")) == ([("o", 2)], None)


async def test_stream_of_an_empty_log_is_caught_up_at_once(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        await server.project()
        async with open_tail(server) as tail:
            assert (await tail.next()).caught_up


async def test_slow_reader_gets_fell_behind_and_later_caught_up(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        await server.project()
        async with open_tail(server, max_events_per_frame=2) as tail:
            await tail.next()
            for number in range(5):
                server.record(f"o-{number}", build_placed("p"))
            await server.project()
            states = [(len(frame.events), frame.WhichOneof("standing")) for frame in [await tail.next() for _ in "123"]]
            assert states == [(2, "fell_behind"), (2, None), (1, "caught_up")]
            hub = server.service.hub
            assert (hub.followed_count, hub.replayed_count, hub.fell_behind_count) == (1, 0, 1)
        assert hub.followed_count == 0


async def test_full_frame_alone_does_not_mean_that_the_reader_fell_behind(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        await server.project()
        async with open_tail(server, max_events_per_frame=2) as tail:
            await tail.next()
            for number in range(2):
                server.record(f"o-{number}", build_placed("p"))
            await server.project()
            frame = await tail.next()
            assert (len(frame.events), frame.WhichOneof("standing")) == (2, None)


async def test_stream_from_now_sends_only_later_events(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        server.record("o", build_placed("p"))
        await server.project()
        async with open_tail(server, now=True) as tail:
            assert (await tail.next()).caught_up
            server.record("o", build_confirmed())
            await server.project()
            assert list_event_names((await tail.next()).events) == [("o", 2)]


async def test_stream_from_now_skips_events_that_its_freshness_token_includes(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        await server.project()
        token = server.record("known", build_placed("p"))
        async with open_tail(server, now=True, at_least_as_fresh=[token]) as tail:
            first = asyncio.create_task(tail.next())
            # When it waits for the token, it has queried the end of the log.
            while not server.progress._waits:  # noqa: ASYNC110  (no event signals it)
                await asyncio.sleep(0)
            server.record("new", build_placed("p"))
            await server.project()
            await first
            assert await tail.until(1) == [("new", 1)]


@pytest.mark.parametrize("conditions", [{}, {"order_id": "o"}, {"customer_id": "c"}, {"product_id": "q"}])
async def test_token_of_a_heartbeat_covers_events_that_do_not_match(tmp_path: Path, conditions: dict[str, str]) -> None:
    async with serve_history(tmp_path, heartbeat_s=0.05) as server:
        server.record("o", build_placed("q", customer="c"))
        server.record("other", build_placed("p"))
        await server.project()
        kinds = [OrderEventType.ORDER_EVENT_TYPE_ORDER_PLACED]
        async with open_tail(server, **conditions, event_types=kinds) as tail:
            names = await tail.until(1)
            server.record("other", build_confirmed())
            await server.project()
            while (end := read_token((await tail.next()).resume_token, server.log.identity)) != {0: 3}:
                assert end == {0: 2}
            assert tail.names == names


async def test_idle_stream_of_any_subject_is_woken_by_its_own_events(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        await server.project()
        all_conditions: list[dict[str, str]] = [{}, {"order_id": "o"}, {"customer_id": "c"}, {"product_id": "q"}]
        for conditions in all_conditions:
            async with open_tail(server, now=True, **conditions) as tail:
                await tail.next()
                if "o" in server.orders:
                    server.record("o", build_quantity_changed("q", 10 + server.orders["o"].version))
                else:
                    server.record("o", build_placed("q", customer="c"))
                await server.project()
                assert list_event_names((await tail.next()).events) == [("o", server.orders["o"].version)]


@pytest.mark.parametrize("max_records", [0, 5_000])
async def test_streams_opened_between_projections_miss_no_event(
    tmp_path: Path, max_records: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "MANY", max_records)
    async with serve_history(tmp_path, 2, FOR_EVER) as server:
        for number in range(10):
            server.record(f"o-{number}", build_placed("p", f"q-{number}", customer=f"c-{number}"))
        await server.project()

        async def tail_of(number: int, conditions: dict[str, str]) -> None:
            for _ in range(number % 7):
                await asyncio.sleep(0)
            async with open_tail(server, **conditions) as tail:
                await tail.until(21)
                assert tail.names == [(f"o-{number}", version) for version in range(1, 22)]

        async def record_live_events() -> None:
            for round_ in range(20):
                for number in range(10):
                    server.record(f"o-{number}", build_quantity_changed(f"q-{number}", 100 + round_))
                    await server.project()

        kinds = [("order_id", "o"), ("customer_id", "c"), ("product_id", "q")]
        tails = [tail_of(n, {field: f"{letter}-{n}"}) for n in range(10) for field, letter in kinds]
        async with asyncio.timeout(20):
            await asyncio.gather(record_live_events(), *tails)


async def test_slow_reader_loses_nothing_and_delays_no_other_stream(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        server.record("o", build_placed("p"))
        await server.project()
        async with open_tail(server, max_events_per_frame=3) as slow, open_tail(server) as quick:
            await slow.next()
            for quantity in range(3, 23):
                server.record("o", build_quantity_changed("p", quantity))
                await server.project()
                await quick.until(len(server.facts))
            assert slow.names == [("o", 1)]
            assert await slow.until(21) == quick.names


async def test_drain_ends_every_stream_with_a_resume_token(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        server.record("o", build_placed("p"))
        await server.project()
        async with open_tail(server) as idle, open_tail(server, order_id="o") as of_order, open_tail(server) as slow:
            for tail in (idle, of_order):
                await tail.next()
            next_frames = [asyncio.create_task(tail.next()) for tail in (idle, of_order)]
            await slow.next()
            server.service.drain()
            await asyncio.gather(*next_frames)
            for tail in (idle, of_order, slow):
                await assert_ends(tail)
                assert read_token(tail.frames[-1].resume_token, server.log.identity) == {0: 1}
        late_frames = await server.stream(StreamOrderEventsRequest(follow=True))
        assert list_frame_names(late_frames) == [("o", 1)]


async def assert_ends(tail: Tail) -> None:
    async with asyncio.timeout(10):
        tail.frames += [StreamOrderEventsResponse.FromString(frame) async for frame in tail.stream]


async def test_stream_of_an_order_is_refused_when_the_order_is_parked(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        server.record("o", build_placed("p"))
        await server.project()
        async with open_tail(server, order_id="o") as tail:
            await tail.next()
            server.land("o", seal_record("o", 5, b"no such fact's digest"[:16], b""))
            await server.project()
            with pytest.raises(Refused) as error:
                await tail.next()
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_ORDER_PARKED


async def test_stream_before_a_time_gets_events_that_arrive_late(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        server.record("o", build_placed("p"))
        await server.project()
        noon = server.facts[0].order.create_time
        async with open_tail(server, recorded_before=noon) as tail:
            await tail.next()
            server.record("late", build_placed("p"), server.facts[0].time - 1)
            await server.project()
            assert await tail.until(1) == [("late", 1)]
