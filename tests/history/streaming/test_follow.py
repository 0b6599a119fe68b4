import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from tests.history.shop import Shop, changed, confirmed, names_in, names_of, placed, sealed, shop_in

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import OrderEventType
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail_server.history.streaming import subjects
from ordertrail_server.log.token import read_token
from ordertrail_server.orders.refusal import Refused

FOR_EVER = 3600.0
"""A heartbeat that never comes: what arrives was woken by its event."""


class Tail:
    """A follower that takes one frame at a time."""

    def __init__(self, shop: Shop, request: StreamOrderEventsRequest) -> None:
        self.stream = shop.service.StreamOrderEvents(request, None)
        self.frames: list[StreamOrderEventsResponse] = []

    async def next(self) -> StreamOrderEventsResponse:
        async with asyncio.timeout(10):
            self.frames.append(StreamOrderEventsResponse.FromString(await anext(self.stream)))
        return self.frames[-1]

    async def until(self, count: int) -> list[tuple[str, int]]:
        while len(self.names) < count:
            await self.next()
        return self.names

    @property
    def names(self) -> list[tuple[str, int]]:
        return names_in(self.frames)


@asynccontextmanager
async def following(shop: Shop, **request: object) -> AsyncIterator[Tail]:
    tail = Tail(shop, StreamOrderEventsRequest(follow=True, **request))  # type: ignore[arg-type]  # any conditions
    async with aclosing(tail.stream):
        yield tail


@pytest.mark.parametrize("partitions", [1, 3])
async def test_replay_runs_into_live_events_without_gap_or_repetition(tmp_path: Path, partitions: int) -> None:
    async with shop_in(tmp_path, partitions, FOR_EVER) as shop:
        for number in range(20):
            shop.record(f"o-{number}", placed("p"))
        await shop.project()

        async def go_on() -> None:
            for number in range(60):
                shop.record(f"live-{number}", placed("p"))
                await shop.project()

        async with following(shop, max_events_per_frame=7) as tail:
            live = asyncio.create_task(go_on())
            assert sorted(await tail.until(80)) == sorted([*shop.names()])
            await live
            assert [frame.WhichOneof("standing") for frame in tail.frames].count("caught_up") >= 1


async def test_caught_up_is_said_once_and_live_events_follow(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        async with following(shop) as tail:
            first = await tail.next()
            assert (names_of(first.events), first.caught_up) == ([("o", 1)], True)
            shop.record("o", confirmed())
            await shop.project()
            second = await tail.next()
            assert (names_of(second.events), second.WhichOneof("standing")) == ([("o", 2)], None)


async def test_an_empty_log_is_caught_up_with_at_once(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        await shop.project()
        async with following(shop) as tail:
            assert (await tail.next()).caught_up


async def test_a_reader_that_falls_behind_is_told_and_told_again_when_it_caught_up(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        await shop.project()
        async with following(shop, max_events_per_frame=2) as tail:
            await tail.next()
            for number in range(5):
                shop.record(f"o-{number}", placed("p"))
            await shop.project()
            said = [(len(frame.events), frame.WhichOneof("standing")) for frame in [await tail.next() for _ in "123"]]
            assert said == [(2, "fell_behind"), (2, None), (1, "caught_up")]


async def test_as_many_events_as_one_frame_holds_are_no_falling_behind(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        await shop.project()
        async with following(shop, max_events_per_frame=2) as tail:
            await tail.next()
            for number in range(2):
                shop.record(f"o-{number}", placed("p"))
            await shop.project()
            frame = await tail.next()
            assert (len(frame.events), frame.WhichOneof("standing")) == (2, None)


async def test_now_gives_only_what_comes_after_the_call(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        async with following(shop, now=True) as tail:
            assert (await tail.next()).caught_up
            shop.record("o", confirmed())
            await shop.project()
            assert names_of((await tail.next()).events) == [("o", 2)]


async def test_now_after_a_token_leaves_out_what_the_token_includes(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        await shop.project()
        token = shop.record("known", placed("p"))
        async with following(shop, now=True, at_least_as_fresh=[token]) as tail:
            first = asyncio.create_task(tail.next())
            # Once it waits for what the token names it has asked for the end of the log.
            while not shop.progress._waiting:  # noqa: ASYNC110  (nothing tells)
                await asyncio.sleep(0)
            shop.record("new", placed("p"))
            await shop.project()
            await first
            assert await tail.until(1) == [("new", 1)]


@pytest.mark.parametrize("conditions", [{}, {"order_id": "o"}, {"customer_id": "c"}, {"product_id": "q"}])
async def test_silence_is_broken_by_heartbeats_whose_token_covers_all_that_was_left_out(
    tmp_path: Path, conditions: dict[str, str]
) -> None:
    async with shop_in(tmp_path, heartbeat_s=0.05) as shop:
        shop.record("o", placed("q", customer="c"))
        shop.record("other", placed("p"))
        await shop.project()
        kinds = [OrderEventType.ORDER_EVENT_TYPE_ORDER_PLACED]
        async with following(shop, **conditions, event_types=kinds) as tail:
            before = await tail.until(1)
            shop.record("other", confirmed())
            await shop.project()
            while (end := read_token((await tail.next()).resume_token, shop.log.identity)) != {0: 3}:
                assert end == {0: 2}
            assert tail.names == before


async def test_a_silent_tail_is_woken_by_its_own_events_whatever_it_asks_for(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        await shop.project()
        asked: list[dict[str, str]] = [{}, {"order_id": "o"}, {"customer_id": "c"}, {"product_id": "q"}]
        for conditions in asked:
            async with following(shop, now=True, **conditions) as tail:
                await tail.next()
                if "o" in shop.orders:
                    shop.record("o", changed("q", 10 + shop.orders["o"].version))
                else:
                    shop.record("o", placed("q", customer="c"))
                await shop.project()
                assert names_of((await tail.next()).events) == [("o", shop.orders["o"].version)]


@pytest.mark.parametrize("many", [0, 5_000])
async def test_no_tail_misses_an_event_however_it_comes_between_projections(
    tmp_path: Path, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "MANY", many)
    async with shop_in(tmp_path, 2, FOR_EVER) as shop:
        for number in range(10):
            shop.record(f"o-{number}", placed("p", f"q-{number}", customer=f"c-{number}"))
        await shop.project()

        async def tail_of(number: int, conditions: dict[str, str]) -> None:
            for _ in range(number % 7):
                await asyncio.sleep(0)
            async with following(shop, **conditions) as tail:
                await tail.until(21)
                assert tail.names == [(f"o-{number}", version) for version in range(1, 22)]

        async def go_on() -> None:
            for round_ in range(20):
                for number in range(10):
                    shop.record(f"o-{number}", changed(f"q-{number}", 100 + round_))
                    await shop.project()

        kinds = [("order_id", "o"), ("customer_id", "c"), ("product_id", "q")]
        tails = [tail_of(n, {field: f"{letter}-{n}"}) for n in range(10) for field, letter in kinds]
        async with asyncio.timeout(20):
            await asyncio.gather(go_on(), *tails)


async def test_a_slow_reader_delays_nobody_and_loses_nothing(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        async with following(shop, max_events_per_frame=3) as slow, following(shop) as quick:
            await slow.next()
            for quantity in range(3, 23):
                shop.record("o", changed("p", quantity))
                await shop.project()
                await quick.until(len(shop.happened))
            assert slow.names == [("o", 1)]
            assert await slow.until(21) == quick.names


async def test_draining_ends_every_stream_with_its_resume_token(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        async with following(shop) as idle, following(shop, order_id="o") as of_order, following(shop) as slow:
            for tail in (idle, of_order):
                await tail.next()
            waiting = [asyncio.create_task(tail.next()) for tail in (idle, of_order)]
            await slow.next()
            shop.service.drain()
            await asyncio.gather(*waiting)
            for tail in (idle, of_order, slow):
                await assert_ends(tail)
                assert read_token(tail.frames[-1].resume_token, shop.log.identity) == {0: 1}
        late = await shop.stream(StreamOrderEventsRequest(follow=True))
        assert names_in(late) == [("o", 1)]


async def assert_ends(tail: Tail) -> None:
    async with asyncio.timeout(10):
        tail.frames += [StreamOrderEventsResponse.FromString(frame) async for frame in tail.stream]


async def test_a_tail_of_an_order_that_becomes_parked_is_told_so(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        async with following(shop, order_id="o") as tail:
            await tail.next()
            shop.land("o", sealed("o", 5, b"no such fact's digest"[:16], b""))
            await shop.project()
            with pytest.raises(Refused) as refused:
                await tail.next()
        assert refused.value.refusal.reason == ErrorReason.ERROR_REASON_ORDER_PARKED


async def test_events_with_an_earlier_time_still_come_to_a_tail_that_looks_before_a_time(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        noon = shop.happened[0].order.create_time
        async with following(shop, recorded_before=noon) as tail:
            await tail.next()
            shop.record("late", placed("p"), shop.happened[0].time - 1)
            await shop.project()
            assert await tail.until(1) == [("late", 1)]
