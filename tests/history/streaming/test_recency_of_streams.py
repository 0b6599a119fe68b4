"""`current_at` of a frame is never later than the part of the log that the stream has sent."""

import asyncio
import threading
from contextlib import aclosing
from pathlib import Path
from time import monotonic

import pytest
from tests.history.history_server import (
    build_line_added,
    build_line_removed,
    build_placed,
    list_event_names,
    serve_history,
)
from tests.history.streaming.tail import open_tail

from ordertrail.v1.order_history_service_pb2 import (
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.streaming import scan
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.orders.times import nanoseconds

FOR_EVER = 3600.0
SECOND = 1_000_000_000


async def test_only_the_frame_that_reaches_the_end_has_current_at(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        for number in range(5):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()
        await server.recency.refresh()
        frames = await server.stream(StreamOrderEventsRequest(max_events_per_frame=2))
        assert [(f.caught_up, f.HasField("current_at")) for f in frames] == [
            (False, False),
            (False, False),
            (True, True),
        ]


async def test_current_at_of_a_replay_is_not_later_than_the_choice_of_its_end(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(4):
            server.record(f"o-{number}", build_placed("p"))
        await server.project()
        await server.recency.refresh()
        current_at_begin = server.recency.current_at
        replay = server.service.StreamOrderEvents(StreamOrderEventsRequest(max_events_per_frame=2), EVERYTHING, None)
        async with aclosing(replay):
            await anext(replay)
            server.record("later", build_placed("p"))
            await server.project()
            await server.recency.refresh()
            last = StreamOrderEventsResponse.FromString(await anext(replay))
        assert (last.caught_up, nanoseconds(last.current_at)) == (True, current_at_begin)


async def test_current_at_of_heartbeats_advances_with_the_log(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=0.01) as server:
        await server.project()
        async with open_tail(server) as tail:
            assert not (await tail.next()).HasField("current_at")
            for _ in range(3):
                await server.recency.refresh()
                while nanoseconds((await tail.next()).current_at) != server.recency.current_at:
                    pass


async def test_frames_of_events_in_quick_succession_have_no_current_at(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        await server.project()
        await server.recency.refresh()
        async with open_tail(server) as tail:
            assert (await tail.next()).HasField("current_at")
            server.record("o", build_placed("p"))
            await server.project()
            frame = await tail.next()
            assert (len(frame.events), frame.HasField("current_at")) == (1, False)


async def test_steady_events_get_current_at_once_in_a_heartbeat(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=0.2) as server:
        await server.project()
        async with open_tail(server) as tail:
            await tail.next()
            async with asyncio.timeout(20):
                for number in range(1_000_000):
                    server.record(f"o-{number}", build_placed("p"))
                    await server.project()
                    await server.recency.refresh()
                    frame = await tail.next()
                    if frame.events and frame.HasField("current_at"):
                        break
            assert frame.WhichOneof("standing") is None
            assert (len(tail.names), nanoseconds(frame.current_at)) == (number + 1, server.recency.current_at)


async def test_stream_of_a_parked_order_never_has_current_at(tmp_path: Path) -> None:
    async with serve_history(tmp_path, heartbeat_s=0.0) as server:
        server.record("o", build_placed("p"))
        server.record("o", build_line_removed("never ordered"))
        await server.project()
        await server.recency.refresh()
        for now in (False, True):
            async with open_tail(server, order_id="o", now=now) as tail:
                with pytest.raises(Refused):
                    await tail.until(2)
                assert [frame.HasField("current_at") for frame in tail.frames] == [False]


async def test_scan_from_before_a_refresh_is_not_shared_with_later_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_began, may_go_on = threading.Event(), threading.Event()

    def wait_and_read_clock() -> float:
        scan_began.set()
        may_go_on.wait(10)
        return monotonic()

    async with serve_history(tmp_path, heartbeat_s=FOR_EVER) as server:
        server.record("o", build_placed("p"))
        await server.project()
        await server.recency.refresh()
        monkeypatch.setattr(scan, "monotonic", wait_and_read_clock)
        async with open_tail(server) as first_tail, open_tail(server) as second_tail:
            first = asyncio.ensure_future(first_tail.next())
            await asyncio.to_thread(scan_began.wait, 10)
            server.record("o", build_line_added("q"))
            await server.project()
            await server.recency.refresh()
            second = asyncio.ensure_future(second_tail.next())
            await asyncio.sleep(0)
            may_go_on.set()
            await asyncio.gather(first, second)
            assert list_event_names(first.result().events) == [("o", 1)]
            assert (list_event_names(second.result().events), nanoseconds(second.result().current_at)) == (
                [("o", 1), ("o", 2)],
                server.recency.current_at,
            )
