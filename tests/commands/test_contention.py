"""A writer queries the end of the log before it decides, unless it is the sole writer or ids are new."""

import asyncio
from collections.abc import Awaitable

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_writer import RunningWriter, require_accepted
from tests.commands.sample_requests import ORDER, build_change_quantity, build_confirm_order, build_place_order

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.port import Entry, LogUnavailable


@pytest.fixture
def log() -> FaultyLog:
    return FaultyLog(atomic=False)


async def end_queries_during(log: FaultyLog, call: Awaitable[object]) -> int:
    """Return how many queries for the end of the log the call causes."""
    before = log.end_queries
    await call
    return log.end_queries - before


async def wait_until_folded(server: RunningWriter, position: int) -> None:
    async with asyncio.timeout(10):
        while server.fold.position < position:  # noqa: ASYNC110 (a fold has no event)
            await asyncio.sleep(0)


async def test_writer_of_atomic_log_queries_end_only_for_first_batch() -> None:
    log = FaultyLog(atomic=True)
    async with RunningWriter(log) as server:
        assert await end_queries_during(log, server.handle(build_place_order())) == 1
        server.elapsed += 3600
        assert await end_queries_during(log, server.handle(build_confirm_order())) == 0


async def test_writer_queries_end_until_it_has_appended_alone_for_a_while(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        assert await end_queries_during(log, server.handle(build_place_order())) == 1
        assert await end_queries_during(log, server.handle(build_change_quantity("change", 2))) == 1
        await server.become_sole_writer()
        assert await end_queries_during(log, server.handle(build_confirm_order())) == 0


async def test_writer_queries_end_again_after_a_pause(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        await server.become_sole_writer()
        server.elapsed += 0.06
        assert await end_queries_during(log, server.handle(build_confirm_order())) == 1


async def test_writer_does_not_query_end_for_orders_with_generated_ids(log: FaultyLog) -> None:
    without_ids = build_place_order(request_id="", order_id="")
    async with RunningWriter(log) as server:
        assert (
            await end_queries_during(log, server.handle(without_ids, build_place_order("", "", validate_only=True)))
            == 0
        )
        assert await end_queries_during(log, server.handle(build_place_order("", "", validate_only=True))) == 0
        assert await end_queries_during(log, server.handle(without_ids, build_confirm_order())) == 1


async def test_order_with_generated_ids_is_answered_after_others_appended(log: FaultyLog) -> None:
    async with RunningWriter(log) as server, RunningWriter(log) as other_server:
        await other_server.handle(build_place_order())
        [answer] = await server.handle(build_place_order(request_id="", order_id=""))
        assert (require_accepted(answer).fact.offset, require_accepted(answer).replayed, len(log.records[0])) == (
            1,
            False,
            2,
        )
        assert require_accepted(answer).record is not None, "the record need not be read again"


async def test_writer_queries_end_for_ten_seconds_after_observing_another_writer(log: FaultyLog) -> None:
    async with RunningWriter(log) as server, RunningWriter(log) as other_server:
        await other_server.handle(build_place_order())
        await server.become_sole_writer()  # first observes the other server's record
        assert await end_queries_during(log, server.handle(build_change_quantity("change", 2))) == 1
        for step in range(300):
            server.elapsed += 0.04
            await server.handle(build_change_quantity(f"later {step}", step + 3))
        assert await end_queries_during(log, server.handle(build_confirm_order())) == 0


async def test_idle_writer_folds_records_of_others_as_they_arrive(log: FaultyLog) -> None:
    async with RunningWriter(log, is_follower=True) as idle, RunningWriter(log) as other_server:
        await other_server.handle(build_place_order())
        await wait_until_folded(idle, 1)
        await other_server.handle(build_change_quantity("change", 2), build_confirm_order())
        await wait_until_folded(idle, 3)
        assert idle.fold.aggregate(ORDER).version == 3


async def test_following_writer_does_not_mistake_own_records_for_others(log: FaultyLog) -> None:
    async with RunningWriter(log, is_follower=True) as server:
        await server.handle(build_place_order())
        await server.become_sole_writer()
        before = len(log.records[0])
        answers = await server.handle(build_confirm_order())
        assert require_accepted(answers[0]).fact.offset == before
    assert [Record.FromString(logged.value).order_version for logged in log.records[0] if logged.key == ORDER] == [1, 2]


async def test_writer_follows_again_when_log_is_reachable(log: FaultyLog) -> None:
    async with RunningWriter(log, is_follower=True) as idle, RunningWriter(log) as other_server:
        await other_server.handle(build_place_order())
        await wait_until_folded(idle, 1)
        log.unreachable = True
        log.errors.append(LogUnavailable())
        log.land(0, Entry(ORDER, b"wakes waiting followers"))
        before = log.end_queries
        async with asyncio.timeout(10):
            while log.end_queries < before + 3:  # noqa: ASYNC110 (until several queries have failed)
                await asyncio.sleep(0)
        log.unreachable = False
        log.errors.clear()
        await other_server.handle(build_confirm_order())
        await wait_until_folded(idle, 3)
