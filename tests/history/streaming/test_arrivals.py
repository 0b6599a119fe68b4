import asyncio
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from tests.history.history_server import HistoryServer, build_placed, serve_history

from ordertrail_server.history.read_model import READERS, Connection
from ordertrail_server.history.streaming.arrivals import Arrivals
from ordertrail_server.history.streaming.subjects import Subject


async def hold_all_readers(server: HistoryServer, until: Event) -> list[asyncio.Task[None]]:
    entered_events = [Event() for _ in range(READERS)]

    def hold(entered_event: Event, connection: Connection) -> None:
        entered_event.set()
        until.wait()

    readers = [asyncio.create_task(server.model.read(partial(hold, entered_event))) for entered_event in entered_events]
    await asyncio.gather(*(asyncio.to_thread(entered_event.wait) for entered_event in entered_events))
    return readers


async def test_stream_that_subscribes_during_the_read_of_new_events_is_woken(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        arrivals = Arrivals(server.model, server.progress)
        with arrivals.subscribe(Subject("order", "other")) as other_arrived:
            await asyncio.sleep(0)
            free = Event()
            readers = await hold_all_readers(server, free)
            server.record("o", build_placed("p", customer="c"))
            await server.project()
            await asyncio.sleep(0)
            with arrivals.subscribe(Subject("customer", "c")) as customer_c:
                free.set()
                async with asyncio.timeout(10):
                    await customer_c.wait()
                    await asyncio.gather(*readers)
            assert not other_arrived.is_set()


async def test_gap_at_the_end_of_the_log_is_read_once(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        arrivals = Arrivals(server.model, server.progress)
        with arrivals.subscribe(Subject("order", "o")):
            server.progress.advance({0: 5})  # past a gap, which has no rows
            async with asyncio.timeout(10):
                while arrivals.announced != (5,):  # noqa: ASYNC110 (no event signals it)
                    await asyncio.sleep(0)


async def test_advance_wakes_only_streams_with_new_events(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        arrivals = Arrivals(server.model, server.progress)
        with (
            arrivals.subscribe(Subject("order", "o")) as order_o,
            arrivals.subscribe(Subject("order", "x")) as order,
            arrivals.subscribe(Subject("customer", "x")) as customer,
            arrivals.subscribe(Subject("product", "x")) as product,
        ):
            await asyncio.sleep(0)
            server.record("o", build_placed("p", customer="c"))
            await server.project()
            async with asyncio.timeout(10):
                await order_o.wait()
            assert [event.is_set() for event in (order, customer, product)] == [False] * 3
            assert arrivals.announced == (1,)


async def test_failed_read_wakes_all_streams_and_does_not_end_the_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        arrivals = Arrivals(server.model, server.progress)
        with (
            arrivals.subscribe(Subject("order", "x")) as order,
            arrivals.subscribe(Subject("customer", "x")) as customer,
        ):
            server.model.close()  # from now on every read fails, and not by a refusal
            for number in range(2):
                order.clear()
                customer.clear()
                server.record(f"o-{number}", build_placed("p"))
                await server.project()
                async with asyncio.timeout(10):
                    await asyncio.gather(order.wait(), customer.wait())
                assert len(caplog.records) == number + 1
