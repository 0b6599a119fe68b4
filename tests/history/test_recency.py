"""Answers say until when they include all that the log held, and never claim more."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from itertools import count
from pathlib import Path
from time import monotonic

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.history.shop import Shop, added, names_of, placed, removed, shop_in
from tests.history.streaming.test_follow import following
from tests.log.contract import entries
from tests.log.memory import MemoryLog

from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.history import recency as module
from ordertrail_server.history.progress import Progress
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.streaming import scan
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry, LogDamaged, LogUnavailable
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.orders.times import nanoseconds

FOR_EVER = 3600.0
SECOND = 1_000_000_000


class Ticking:
    """A clock that is one tick further whenever it is looked at; `at` returns once it was looked at so often."""

    def __init__(self) -> None:
        self.ticks = 0
        self._looked = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()

    def __call__(self) -> int:
        self.ticks += 1
        telling = asyncio.ensure_future(self._tell())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        return self.ticks

    async def at(self, ticks: int) -> None:
        async with asyncio.timeout(10), self._looked:
            await self._looked.wait_for(lambda: self.ticks >= ticks)

    async def _tell(self) -> None:
        async with self._looked:
            self._looked.notify_all()


@contextmanager
def kept(recency: Recency) -> Iterator["asyncio.Task[None]"]:
    keeping = asyncio.ensure_future(recency.run())
    try:
        yield keeping
    finally:
        keeping.cancel()


async def test_the_time_stands_while_the_log_is_away_and_goes_on_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    log = EmbeddedLog.create(tmp_path)

    async def end(partition: int, known_end: int) -> int:
        return await log.end(partition, known_end)

    await log.append(0, entries(1))
    clock, progress = Ticking(), Progress()
    progress.advance({0: 1})
    recency = Recency(end, 1, progress, clock=clock)
    assert recency.current_at is None
    with kept(recency):
        await clock.at(2)
        await log.close()
        stands = recency.current_at
        assert stands is not None
        await clock.at(clock.ticks + 3)
        assert recency.current_at == stands
        log = EmbeddedLog.open(tmp_path)
        back = clock.ticks
        await clock.at(back + 3)
        assert recency.current_at > back
    await log.close()


async def test_the_time_is_that_before_the_ends_were_asked_and_waits_until_they_are_projected(tmp_path: Path) -> None:
    log, progress = MemoryLog(partitions=2), Progress()
    recency = Recency(log.end, 2, progress, clock=iter(count(100)).__next__)
    log.land(1, Entry("o", b"any"))
    looking = asyncio.ensure_future(recency.refresh())
    for positions in ({0: 0, 1: 0}, {0: 5}):
        progress.advance(positions)
        await asyncio.sleep(0)
        assert (recency.current_at, looking.done()) == (None, False)
    log.land(1, Entry("o", b"later"))
    progress.advance({1: 1})
    await looking
    assert recency.current_at == 100


async def test_an_end_that_lies_before_what_is_projected_is_not_taken_for_the_end(tmp_path: Path) -> None:
    asked = list[tuple[int, int]]()

    async def end(partition: int, known_end: int) -> int:
        asked.append((partition, known_end))
        return known_end

    progress = Progress()
    progress.advance({0: 3, 1: 4})
    await Recency(end, 2, progress).refresh()
    assert asked == [(0, 3), (1, 4)]


async def test_damage_ends_the_looking(tmp_path: Path) -> None:
    async def end(partition: int, known_end: int) -> int:
        raise LogDamaged("facts are lost")

    async with asyncio.timeout(10):
        with pytest.raises(LogDamaged):
            await Recency(end, 1, Progress()).run()


async def test_a_log_that_is_away_is_told_to_whoever_looks_once(tmp_path: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    await log.close()
    with pytest.raises(LogUnavailable):
        await Recency(log.end, 1, Progress()).refresh()


async def test_every_answer_says_until_when_it_includes_the_log(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p", customer="c"))
        await shop.project()
        assert [answer.HasField("current_at") for answer in await answers(shop)] == [False] * 4
        await shop.recency.refresh()
        assert [in_ns(answer.current_at) for answer in await answers(shop)] == [shop.recency.current_at] * 4


async def test_every_answer_to_a_question_says_how_old_it_is_by_the_servers_clock(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p", customer="c"))
        await shop.project()
        now = [100 * SECOND]
        recency = Recency(shop.log.end, 1, shop.progress, clock=lambda: now[0])
        shop.service = shop.served(shop.progress, recency=recency)
        assert [answer.HasField("age") for answer in (await answers(shop))[:3]] == [False] * 3
        await recency.refresh()
        now[0] = 103 * SECOND
        assert [answer.age.ToNanoseconds() for answer in (await answers(shop))[:3]] == [3 * SECOND] * 3
        now[0] = 99 * SECOND  # the clock was set back
        assert [answer.age.ToNanoseconds() for answer in (await answers(shop))[:3]] == [0] * 3


async def answers(
    shop: Shop,
) -> tuple[GetOrderResponse, ListOrdersResponse, ListOrderEventsResponse, StreamOrderEventsResponse]:
    """Return one of each rpc, and assert that its own fields are there beside the time."""
    order = GetOrderResponse.FromString(await shop.service.GetOrder(GetOrderRequest(order_id="o"), None))
    orders = ListOrdersResponse.FromString(await shop.service.ListOrders(ListOrdersRequest(), None))
    request = ListOrderEventsRequest(order_id="o")
    events = ListOrderEventsResponse.FromString(await shop.service.ListOrderEvents(request, None))
    [frame] = await shop.stream(StreamOrderEventsRequest())
    assert order.order == orders.orders[0] == shop.orders["o"]
    assert order.consistency_token == orders.consistency_token == events.consistency_token == frame.resume_token != ""
    assert (list(events.events), frame.caught_up) == (list(frame.events), True)
    return order, orders, events, frame


def in_ns(time: Timestamp) -> int:
    return nanoseconds(time)


async def test_only_frames_behind_which_nothing_waits_say_it(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        for number in range(5):
            shop.record(f"o-{number}", placed("p"))
        await shop.project()
        await shop.recency.refresh()
        frames = await shop.stream(StreamOrderEventsRequest(max_events_per_frame=2))
        assert [(f.caught_up, f.HasField("current_at")) for f in frames] == [
            (False, False),
            (False, False),
            (True, True),
        ]


async def test_a_replay_claims_no_more_than_was_there_when_its_end_was_chosen(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        for number in range(4):
            shop.record(f"o-{number}", placed("p"))
        await shop.project()
        await shop.recency.refresh()
        chosen = shop.recency.current_at
        replay = shop.service.StreamOrderEvents(StreamOrderEventsRequest(max_events_per_frame=2), None)
        async with aclosing(replay):
            await anext(replay)
            shop.record("later", placed("p"))
            await shop.project()
            await shop.recency.refresh()
            last = StreamOrderEventsResponse.FromString(await anext(replay))
        assert (last.caught_up, in_ns(last.current_at)) == (True, chosen)


async def test_signs_of_life_grow_newer_with_the_log(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=0.01) as shop:
        await shop.project()
        async with following(shop) as tail:
            assert not (await tail.next()).HasField("current_at")
            for _ in range(3):
                await shop.recency.refresh()
                while in_ns((await tail.next()).current_at) != shop.recency.current_at:
                    pass


async def test_events_that_come_soon_after_one_another_do_not_say_it(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        await shop.project()
        await shop.recency.refresh()
        async with following(shop) as tail:
            assert (await tail.next()).HasField("current_at")
            shop.record("o", placed("p"))
            await shop.project()
            frame = await tail.next()
            assert (len(frame.events), frame.HasField("current_at")) == (1, False)


async def test_events_that_come_without_a_pause_say_it_now_and_then(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=0.2) as shop:
        await shop.project()
        async with following(shop) as tail:
            await tail.next()
            async with asyncio.timeout(20):
                for number in range(1_000_000):
                    shop.record(f"o-{number}", placed("p"))
                    await shop.project()
                    await shop.recency.refresh()
                    frame = await tail.next()
                    if frame.events and frame.HasField("current_at"):
                        break
            assert frame.WhichOneof("standing") is None
            assert (len(tail.names), in_ns(frame.current_at)) == (number + 1, shop.recency.current_at)


async def test_the_stream_of_a_parked_order_never_says_that_nothing_is_missing(tmp_path: Path) -> None:
    async with shop_in(tmp_path, heartbeat_s=0.0) as shop:
        shop.record("o", placed("p"))
        shop.record("o", removed("never ordered"))
        await shop.project()
        await shop.recency.refresh()
        for now in (False, True):
            async with following(shop, order_id="o", now=now) as tail:
                with pytest.raises(Refused):
                    await tail.until(2)
                assert [frame.HasField("current_at") for frame in tail.frames] == [False]


async def test_a_look_that_began_earlier_is_not_shared_with_a_tail_that_is_promised_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def when_it_may() -> float:
        began.set()
        go_on.wait(10)
        return monotonic()

    async with shop_in(tmp_path, heartbeat_s=FOR_EVER) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        await shop.recency.refresh()
        monkeypatch.setattr(scan, "monotonic", when_it_may)
        async with following(shop) as early, following(shop) as late:
            first = asyncio.ensure_future(early.next())
            await asyncio.to_thread(began.wait, 10)
            shop.record("o", added("q"))
            await shop.project()
            await shop.recency.refresh()
            second = asyncio.ensure_future(late.next())
            await asyncio.sleep(0)
            go_on.set()
            await asyncio.gather(first, second)
            assert names_of(first.result().events) == [("o", 1)]
            assert (names_of(second.result().events), in_ns(second.result().current_at)) == (
                [("o", 1), ("o", 2)],
                shop.recency.current_at,
            )


@pytest.mark.parametrize("partitions", [1, 3])
async def test_however_reads_and_writes_run_beside_one_another_no_answer_lacks_what_its_time_promises(
    tmp_path: Path, partitions: int
) -> None:
    async with shop_in(tmp_path, partitions) as shop:
        shop.record("o-0", placed("p"))
        await shop.project()
        # The clock counts the facts that the log holds, so a time is a promise of so many.
        recency = Recency(shop.log.end, partitions, shop.progress, clock=lambda: len(shop.happened))
        shop.service = shop.served(shop.progress, 0.0, recency)
        await recency.refresh()
        async with asyncio.timeout(60):
            looking = asyncio.ensure_future(look_on(recency))
            reads = asyncio.gather(*(read_on(shop) for _ in "12"), *(follow_on(shop) for _ in "123"))
            await write_on(shop)
            assert min(await reads) > 1
            looking.cancel()


MANY = 150


async def write_on(shop: Shop) -> None:
    for number in range(1, MANY):
        shop.record(f"o-{number}", placed("p"))
        await asyncio.sleep(0)
        if number % 3 == 0:
            await shop.project()
    await shop.project()


async def look_on(recency: Recency) -> None:
    while True:
        await recency.refresh()
        await asyncio.sleep(0)


async def read_on(shop: Shop) -> int:
    """List all orders until the last is there; return how many were promised."""
    found, promised = ListOrdersResponse(), 0
    while len(found.orders) < MANY:
        found = ListOrdersResponse.FromString(await shop.service.ListOrders(ListOrdersRequest(page_size=1000), None))
        assert len(found.orders) >= in_ns(found.current_at) >= promised
        promised = in_ns(found.current_at)
    return promised


async def follow_on(shop: Shop) -> int:
    """Follow all orders until the last has come, now and then behind; return how many were promised."""
    sent = promised = 0
    async with following(shop, max_events_per_frame=2) as tail:
        while sent < MANY:
            frame = await tail.next()
            sent, promised = sent + len(frame.events), max(promised, in_ns(frame.current_at))
            assert sent >= promised
    return promised
