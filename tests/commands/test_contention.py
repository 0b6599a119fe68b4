"""What a writer takes others for, and what that costs: a question before a decision, or nothing."""

import asyncio
from collections.abc import Awaitable

import pytest
from tests.commands.spec import ORDER, TroubledLog, Writing, accepted, change, confirm, place

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.port import Entry, LogUnavailable


@pytest.fixture
def log() -> TroubledLog:
    return TroubledLog(atomic=False)


async def questions(log: TroubledLog, call: Awaitable[object]) -> int:
    """Return how often the log is asked for its end while the call lasts."""
    before = log.asked
    await call
    return log.asked - before


async def until_folded(writing: Writing, position: int) -> None:
    async with asyncio.timeout(10):
        while writing.fold.position < position:  # noqa: ASYNC110 (a fold tells nobody)
            await asyncio.sleep(0)


async def test_writer_of_atomic_log_queries_end_only_for_first_batch() -> None:
    log = TroubledLog(atomic=True)
    async with Writing(log) as writing:
        assert await questions(log, writing.handle(place())) == 1
        writing.elapsed += 3600
        assert await questions(log, writing.handle(confirm())) == 0


async def test_writer_queries_end_until_it_has_appended_alone_for_a_while(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        assert await questions(log, writing.handle(place())) == 1
        assert await questions(log, writing.handle(change("change", 2))) == 1
        await writing.write_alone()
        assert await questions(log, writing.handle(confirm())) == 0


async def test_writer_queries_end_again_after_a_pause(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        await writing.handle(place())
        await writing.write_alone()
        writing.elapsed += 0.06
        assert await questions(log, writing.handle(confirm())) == 1


async def test_writer_does_not_query_end_for_orders_with_generated_ids(log: TroubledLog) -> None:
    unnamed = place(request_id="", order_id="")
    async with Writing(log) as writing:
        assert await questions(log, writing.handle(unnamed, place("", "", validate_only=True))) == 0
        assert await questions(log, writing.handle(place("", "", validate_only=True))) == 0
        assert await questions(log, writing.handle(unnamed, confirm())) == 1


async def test_order_with_generated_ids_is_answered_after_others_appended(log: TroubledLog) -> None:
    async with Writing(log) as writing, Writing(log) as other:
        await other.handle(place())
        [answer] = await writing.handle(place(request_id="", order_id=""))
        assert (accepted(answer).fact.offset, accepted(answer).replayed, len(log.records[0])) == (1, False, 2)
        assert accepted(answer).record is not None, "the record is known, and need not be read once more"


async def test_writer_queries_end_for_ten_seconds_after_observing_another_writer(log: TroubledLog) -> None:
    async with Writing(log) as one, Writing(log) as other:
        await other.handle(place())
        await one.write_alone()  # begins by meeting the other's record
        assert await questions(log, one.handle(change("change", 2))) == 1
        for step in range(300):
            one.elapsed += 0.04
            await one.handle(change(f"later {step}", step + 3))
        assert await questions(log, one.handle(confirm())) == 0


async def test_idle_writer_folds_records_of_others_as_they_arrive(log: TroubledLog) -> None:
    async with Writing(log, follows=True) as idle, Writing(log) as other:
        await other.handle(place())
        await until_folded(idle, 1)
        await other.handle(change("change", 2), confirm())
        await until_folded(idle, 3)
        assert idle.fold.aggregate(ORDER).version == 3


async def test_following_writer_does_not_mistake_own_records_for_others(log: TroubledLog) -> None:
    async with Writing(log, follows=True) as writing:
        await writing.handle(place())
        await writing.write_alone()
        before = len(log.records[0])
        answers = await writing.handle(confirm())
        assert accepted(answers[0]).fact.offset == before
    assert [Record.FromString(logged.value).order_version for logged in log.records[0] if logged.key == ORDER] == [1, 2]


async def test_writer_follows_again_when_log_is_reachable(log: TroubledLog) -> None:
    async with Writing(log, follows=True) as idle, Writing(log) as other:
        await other.handle(place())
        await until_folded(idle, 1)
        log.unreachable = True
        log.troubles.append(LogUnavailable())
        log.land(0, Entry(ORDER, b"wakes whoever waits"))
        before = log.asked
        async with asyncio.timeout(10):
            while log.asked < before + 3:  # noqa: ASYNC110 (until it has met the trouble more than once)
                await asyncio.sleep(0)
        log.unreachable = False
        log.troubles.clear()
        await other.handle(confirm())
        await until_folded(idle, 3)
